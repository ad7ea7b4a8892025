"""The table of routes finds what the router that it stands before would have found, and leaves it the rest."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match, Mount, Router
from starlette.types import Scope

from api import create_app
from api.table import Table, flat
from api.threads import pools
from infra.config import Settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NONSENSE")
WORDS = (str(UUID(int=7)), "compare", "me", "a word", "")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


def by_search(router: Router, scope: Scope) -> BaseRoute | None:
    return next((route for route in router.routes if route.matches(scope)[0] is Match.FULL), None)


def paths(app: FastAPI) -> Iterator[str]:
    """Of every route, with each word in the place of its parameters, and what is nobody's."""
    for route in app.routes:
        path = str(getattr(route, "path_format", getattr(route, "path", "")))
        for word in WORDS:
            filled = "/".join(word if "{" in segment else segment for segment in path.split("/"))
            yield from (filled, f"{filled}/", f"{filled}/more", filled.upper())
    yield from ("", "/", "//", "/api", "/api/v1", "/api/v1/", "/api/v1/experiments/a/b/c/d", "/docs/assets/x.css", "*")


def test_the_table_finds_what_a_search_finds(app: FastAPI) -> None:
    table, found = Table(app.router), 0
    for path in dict.fromkeys(paths(app)):
        for method in METHODS:
            scope = {"type": "http", "method": method, "path": path}
            route, expected = table.find(scope)[0], by_search(app.router, scope)
            assert route is expected or route is None, (method, path)
            found += route is not None
    assert found > len(app.routes), "nearly every route is found by its beginning"


def test_every_route_of_a_resource_is_found_without_a_search(app: FastAPI) -> None:
    table = Table(app.router)
    for route in app.routes:
        path = str(getattr(route, "path", ""))
        if path.startswith("/api/v1/") and (methods := getattr(route, "methods", None)):
            asked = "/".join(str(UUID(int=7)) if "{" in segment else segment for segment in path.split("/"))
            scope = {"type": "http", "method": next(iter(methods)), "path": asked}
            assert table.find(scope)[0] is not None, path


def test_the_first_of_two_that_match_answers() -> None:
    router = APIRouter()
    router.get("/a/b/c/{id:int}")(lambda id: id)
    router.get("/a/b/c/{id}")(lambda id: id)
    router.get("/{anything:path}")(lambda anything: anything)
    whole = Router([*flat(router, pools()), Mount("/a/b/c/d", app=Router())])
    table = Table(whole)
    for path, expected in (("/a/b/c/1", 0), ("/a/b/c/d", 1), ("/a/b/c/d/e", 2), ("/a/b/c/1/2", 2), ("/x", None)):
        route, _ = table.find({"type": "http", "method": "GET", "path": path})
        assert route is (None if expected is None else whole.routes[expected]), path


def test_what_comes_before_a_route_with_the_same_beginning_comes_first() -> None:
    router = APIRouter()
    router.get("/{first}/b")(lambda first: first)
    router.get("/a/b")(lambda: None)
    whole = Router([*flat(router, pools())])
    scope = {"type": "http", "method": "GET", "path": "/a/b"}
    assert Table(whole).find(scope) == (whole.routes[0], whole.routes[0].matches(scope)[1])


def test_a_route_reads_its_path_as_it_was_written(app: FastAPI) -> None:
    path = f"/api/v1/experiments/{UUID(int=7)}/runs"
    _, found = Table(app.router).find({"type": "http", "method": "GET", "path": path})
    assert found["path_params"] == {"experiment_id": str(UUID(int=7))}
