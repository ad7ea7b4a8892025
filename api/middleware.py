"""What happens to every request, also for a socket: it gets an id; one too many, or one too long, goes no further."""

from contextlib import ExitStack
from functools import partial
from uuid import UUID

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api import access, edge, errors
from api.body import GuardedBody
from api.limits import Limits
from infra.allowance import TooManyRequests


class Edge:
    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        request_id: UUID = uuid7()
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "http":
            send = _named(send, request_id)
        try:
            self.limits.knock((scope.get("client") or ("",))[0], scope["path"])
        except TooManyRequests as error:
            access.refused(scope, 429)
            return await errors.too_many(HTTPConnection(scope), error)(scope, receive, send)
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        with ExitStack() as held:
            who = partial(edge.holder, scope)
            body = GuardedBody(receive, headers.get("content-length", ""), who, self.limits.long_requests, held)
            await self.app(scope, body, send)
        return None


def _named(send: Send, request_id: UUID) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = str(request_id)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return sender
