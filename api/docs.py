"""The page on which the API describes itself: what it needs comes from here; FastAPI's own asks other hosts."""

from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from api import openapi

PATH: Final = "/docs"
ASSETS: Final = f"{PATH}/assets"
router = APIRouter(include_in_schema=False)


@router.get("/")
async def front() -> RedirectResponse:
    return RedirectResponse(PATH, 308)


@router.get(PATH)
async def page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=openapi.TITLE,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon-32x32.png",
    )


def install(app: FastAPI) -> None:
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]))
