"""What was written to a client that does not read it is held in memory: whoever leaves it there is hung up on."""

import socket
import struct
import time
from asyncio import Transport
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Protocol

from api.body import GRACE, SLOWEST

# `tcpi_bytes_acked` in Linux' struct tcp_info: what the other side has taken since the line began.
_TAKEN: Final = struct.Struct("=120xQ")


class Line(Protocol):
    transport: Transport


@dataclass
class Unread:
    """Of a request's line or a socket alike, and of one that is closed and still has to tell the rest."""

    patience: float = GRACE
    _taken: dict[Line, int] = field(default_factory=dict)
    _looked_at: float = 0.0

    def look(self, lines: Collection[Line]) -> None:
        """Asked often, it looks now and then: something may wait at one look, and at the next if much was taken."""
        now = time.monotonic()
        if now - self._looked_at < self.patience:
            return
        before, self._taken, self._looked_at = self._taken, {}, now
        for line in lines:
            if line.transport.get_write_buffer_size():
                self._taken[line] = taken = _taken(line.transport)
                if line in before and taken - before[line] < self.patience * SLOWEST:
                    line.transport.abort()


def _taken(transport: Transport) -> int:
    info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TAKEN.size)
    return int(_TAKEN.unpack(info)[0])
