"""What happens to every request: it gets an id; one too many, or a body that is too long, goes no further."""

from typing import Final
from uuid import UUID

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api import access, errors
from api.limits import Limits
from infra.allowance import TooManyRequests

LONGEST_BODY: Final = 8 * 2**20


class Edge:
    def __init__(self, app: ASGIApp, unlimited: str, limits: Limits) -> None:
        self.app = app
        self.unlimited = unlimited
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        request_id: UUID = uuid7()
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        send = _named(send, request_id)
        try:
            self.limits.knock((scope.get("client") or ("",))[0], scope["path"])
        except TooManyRequests as error:
            access.refused(scope, 429)
            return await errors.too_many(Request(scope), error)(scope, receive, send)
        if not scope["path"].startswith(self.unlimited):
            receive = _bounded(receive, headers)
        await self.app(scope, receive, send)


def _named(send: Send, request_id: UUID) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = str(request_id)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return sender


def _bounded(receive: Receive, headers: Headers) -> Receive:
    declared = headers.get("content-length", "")
    left = -1 if declared.isdigit() and int(declared) > LONGEST_BODY else LONGEST_BODY

    async def receiver() -> Message:
        nonlocal left
        if left < 0:
            raise _too_long()
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_long()
        return message

    return receiver


def _too_long() -> HTTPException:
    return HTTPException(413, f"a request may be {LONGEST_BODY} bytes long at most")
