"""The refresh token as a browser keeps it: where no script reads it, and good for one's own pages only."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Forbidden, Unauthenticated
from infra.names import PREFIX

NAME: Final = "vistory_refresh"
# The one place that it is sent to.
PATH: Final = f"{PREFIX}/auth/refresh"
LIFE: Final = 30 * 24 * 3600


def put(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        NAME,
        token,
        max_age=LIFE,
        path=PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def take_away(request: Request, response: Response) -> None:
    response.delete_cookie(NAME, path=PATH, secure=request.url.scheme == "https", httponly=True, samesite="strict")


def of(request: Request) -> str:
    """Raises Unauthenticated where there is none, and Forbidden unless a page of our own asks."""
    token = request.cookies.get(NAME)
    if token is None:
        raise Unauthenticated("sign in first: there is no refresh token, neither in the body nor as a cookie")
    if not is_of_our_page(request):
        raise Forbidden("a cookie is taken from our own pages only; a program sends its refresh token in the body")
    return token


def is_of_our_page(request: Request) -> bool:
    """As the browser says it, which a page cannot forge; one that says nothing is not believed."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return (origin.scheme, origin.netloc.lower()) == (request.url.scheme, request.headers.get("host", "").lower())
