"""All routes in one table, by method and by how their paths begin.

FastAPI asks one router after the other, and whichever knows the path once more: a fifth of what a request costs. What
is not found here it is still asked for, so what it says then (404, 405 with `Allow`) is its own.
"""

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

from api.threads import Pools, waited_for

# So many segments tell most routes from one another: /api/v1/datasets.
DEPTH: Final = 3


def flat(
    router: APIRouter,
    pools: Pools,
    prefix: str = "",
    responses: Mapping[int | str, dict[str, Any]] | None = None,
) -> Iterator[BaseRoute]:
    """The routes of a router as if each had been written with this prefix, and said that it may answer these."""
    for route in router.routes:
        assert isinstance(route, APIRoute | APIWebSocketRoute), f"{route} is of a kind that has not been needed yet"
        written = {name: getattr(route, name) for name in signature(type(route)).parameters if hasattr(route, name)}
        written["path"] = prefix + route.path
        if isinstance(route, APIRoute):
            written["responses"] = {**(responses or {}), **route.responses}
            written["endpoint"] = waited_for(route.endpoint, pools)
        yield type(route)(**written)


class Table:
    """Stands before a router that has all its routes, and finds the very route that the router would have found."""

    def __init__(self, router: Router) -> None:
        self._router = router
        told = [route for route in router.routes if not any("{" in each for each in _beginning(route))]
        ways = {(method, _beginning(route)) for route in told for method in _methods(route)}
        self._routes = {way: [route for route in router.routes if _may_match(route, *way)] for way in ways}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, found = self.find(scope)
        if route is None:
            return await self._router.app(scope, receive, send)
        scope.update(found, router=self._router, route=route)
        return await route.handle(scope, receive, send)

    def find(self, scope: Scope) -> tuple[BaseRoute | None, Scope]:
        """The route for a request, and what its path says; None where the router has to be asked."""
        beginning = tuple(scope.get("path", "").split("/", DEPTH + 1)[1 : DEPTH + 1])
        for route in self._routes.get((scope.get("method", ""), beginning), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return route, found
        return None, {}


def _methods(route: BaseRoute) -> frozenset[str]:
    return frozenset(getattr(route, "methods", None) or ())


def _beginning(route: BaseRoute) -> tuple[str, ...]:
    return tuple(str(getattr(route, "path", "")).split("/")[1 : DEPTH + 1])


def _may_match(route: BaseRoute, method: str, beginning: tuple[str, ...]) -> bool:
    """Where this does not tell, it may."""
    methods = _methods(route)
    return (not methods or method in methods) and all(
        "{" in mine or mine == asked for mine, asked in zip(_beginning(route), beginning, strict=False)
    )
