"""HTTP as a stranger speaks it: who never comes to the point, or calls on too many lines at once, is hung up on.

And sockets, of which one that says too much at once is closed and told why.
"""

import asyncio
from ipaddress import ip_address
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from infra.allowance import household
from infra.config import networks

LONGEST_HEAD: Final = 64 * 1024
MOST_LINES: Final = 1_000


class Guarded(HttpToolsProtocol):
    # From the first word on, and on a new line from its beginning: a head that trickles in is never done.
    head_within = 20.0
    most_lines = MOST_LINES

    _patience: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._of_a_proxy() and self._lines_of_this_address() > self.most_lines:
            return transport.abort()
        self._expect_head()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._patience is not None:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._patience is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._calm()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head = 0
        self._patience = self.loop.call_later(self.head_within, self.transport.abort)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _of_a_proxy(self) -> bool:
        """Its lines are those of many, whom it has to count itself."""
        if self.client is None:
            return False
        address = ip_address(self.client[0])
        trusted = self.config.forwarded_allow_ips
        return isinstance(trusted, str) and any(address in network for network in networks(trusted))

    def _lines_of_this_address(self) -> int:
        """Sockets among them."""
        mine = household(self.client[0]) if self.client else None
        clients = [getattr(each, "client", None) for each in self.connections]
        return sum(household(client[0]) == mine for client in clients if client)


class Socket(WebSocketsSansIOProtocol):
    def handle_parser_exception(self) -> None:
        """Hung up on at once it would never be told: TCP takes back what was sent while something is left unread.
        So what still comes is thrown away until the other side has left, or for some seconds.
        """
        told = self.conn.close_sent
        if told is not None and not self.close_sent:
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": told.code, "reason": told.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.write_eof()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
