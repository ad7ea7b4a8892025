"""The pages that links in letters lead to, where no front end of one's own is named: a form, and nothing else."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)
# What is behind the # of its address stays in the browser: nothing is loaded, framed, or told where one came from.
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FOLDER: Final = Path(__file__).with_name("pages")


@router.get("/reset-password")
def reset_password() -> HTMLResponse:
    return page("reset-password.html")


@router.get("/verify-email")
def verify_email() -> HTMLResponse:
    return page("verify-email.html")


@router.get("/invite")
def invite() -> HTMLResponse:
    return page("invite.html")


@router.get("/invite.js")
def invite_script() -> Response:
    return script("invite.js")


@router.get("/link.js")
def link_script() -> Response:
    return script("link.js")


@router.get("/link.css")
def style() -> Response:
    return Response(read("link.css"), headers=SAFE, media_type="text/css")


def script(name: str) -> Response:
    return Response(read(name), headers=SAFE, media_type="text/javascript")


def page(name: str) -> HTMLResponse:
    return HTMLResponse(read(name), headers=SAFE)


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
