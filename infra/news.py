"""News of the ledger for whoever waits in this process: one listener, and one question for all that wait."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from infra.listening import listening


@dataclass
class News:
    """A wake-up may be lost with the connection, so whoever waits looks for itself now and then."""

    url: str
    _waiting: defaultdict[UUID, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set), init=False)

    def listening(self) -> AbstractAsyncContextManager[None]:
        return listening(self.url, "ledger", self._follow)

    @contextmanager
    def of(self, id: UUID) -> Iterator[asyncio.Event]:
        """Set whenever something was appended to this aggregate."""
        event = asyncio.Event()
        self._waiting[id].add(event)
        try:
            yield event
        finally:
            self._waiting[id].discard(event)
            if not self._waiting[id]:
                del self._waiting[id]

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        head = await (await connection.execute("SELECT position FROM ledger.head")).fetchone()
        position: int = head[0] if head else 0
        while True:
            upto = position
            async for notice in connection.notifies(stop_after=1):
                upto = max(upto, int(notice.payload))
            if self._waiting:
                await self._wake(connection, position, upto)
            position = upto

    async def _wake(self, connection: psycopg.AsyncConnection, after: int, upto: int) -> None:
        appended = await connection.execute(
            "SELECT DISTINCT originator_id FROM ledger.events WHERE notification_id > %s AND notification_id <= %s",
            (after, upto),
            prepare=True,
        )
        async for (id,) in appended:
            for event in self._waiting.get(id, ()):
                event.set()
