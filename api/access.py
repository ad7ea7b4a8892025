"""Every request traced, counted and logged, by the template of its route: neither its address nor its query is kept."""

import logging
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra import logs, metrics, tracing

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SOCKET: Final = "SOCKET"
log = logging.getLogger(__name__)


class Access:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        follow = self._request if scope["type"] == "http" else self._socket
        state, caller = scope["state"], Headers(scope=scope).get("traceparent")
        with (
            tracing.span("request", tracing.begun(caller), "server", request=state["request_id"]) as span,
            logs.about(request=state["request_id"]),
        ):
            state["traceparent"] = span.traceparent
            await follow(scope, receive, send, span)

    async def _request(self, scope: Scope, receive: Receive, send: Send, span: tracing.Span) -> None:
        begun, status = time.perf_counter(), 500

        async def sender(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sender)
        finally:
            seconds = time.perf_counter() - begun
            method = method_of(scope)
            metrics.REQUESTS.labels(method, route(scope), status).observe(seconds)
            tell(span, method, scope, status, seconds)

    async def _socket(self, scope: Scope, receive: Receive, send: Send, span: tracing.Span) -> None:
        begun = time.perf_counter()
        with metrics.SOCKETS.track_inprogress():
            try:
                await self.app(scope, receive, send)
            finally:
                tell(span, SOCKET, scope, 101, time.perf_counter() - begun)


def refused(scope: Scope, status: int) -> None:
    """Before it came to anything: a flood is counted, and does not wash everything else out of the log."""
    metrics.REFUSED.labels(method_of(scope), status).inc()


def method_of(scope: Scope) -> str:
    if scope["type"] == "websocket":
        return SOCKET
    return str(scope["method"]) if scope["method"] in METHODS else "other"


def route(scope: Scope) -> str:
    """A bounded word: what matched no route is one of them."""
    return str(getattr(scope.get("route"), "path", "unmatched"))


def tell(span: tracing.Span, method: str, scope: Scope, status: int, seconds: float) -> None:
    facts = {"method": method, "route": route(scope), "status": status, "milliseconds": round(seconds * 1000, 1)}
    span.name(f"{method} {route(scope)}")
    span.note(**{"http.request.method": method, "http.route": route(scope), "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    log.info("%s %s %d %.1f ms", *facts.values(), extra={"facts": facts})
