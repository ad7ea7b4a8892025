"""Which sessions and API tokens have ended while somebody here takes them for good: known in memory, told by the
database.

So whoever comes with one is refused at once, and a request costs no query for it. While the line to the database is
down, each request asks it.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from uuid import UUID

import psycopg
from psycopg_pool import ConnectionPool

from domain.errors import Unauthenticated
from infra.listening import listening
from infra.tokens import ACCESS_LIFE

# A line on which nothing came for so long is asked whether it is still there, and is not trusted for much longer.
BEAT: Final = 2.0
TRUSTED: Final = 5.0
KEPT: Final = ACCESS_LIFE.total_seconds() + 60
_SINCE: Final = "SELECT id FROM secrets.sessions WHERE ended_at > clock_timestamp() - make_interval(secs => %s)"


@dataclass
class Ended:
    url: str
    pool: ConnectionPool
    _ended: dict[UUID, float] = field(default_factory=dict)
    _heard: float = field(default=float("-inf"))
    _since: float = field(default=float("inf"))
    _lock: Lock = field(default_factory=Lock)

    def listening(self) -> AbstractAsyncContextManager[None]:
        return listening(self.url, "ended", self._follow)

    @property
    def is_listening(self) -> bool:
        return time.monotonic() - self._heard < TRUSTED

    def would_know(self, id: UUID, since: float) -> bool:
        """Whether what was good at a moment, by the monotonic clock, is good yet for all that was heard since."""
        return self.is_listening and self._since <= since and id not in self._ended

    def refuse(self, session_id: UUID | None) -> None:
        """Raises Unauthenticated where it has ended. Asks the database only while nobody is listening."""
        if session_id in self._ended or not (self.is_listening or self._goes_on(session_id)):
            raise Unauthenticated("this session has ended; sign in again")

    async def refuse_soon(self, session_id: UUID | None) -> None:
        """The same without holding up the loop."""
        if self.is_listening:
            self.refuse(session_id)
        else:
            await asyncio.to_thread(self.refuse, session_id)

    def note(self, id: UUID) -> None:
        """What ended in this process is known here before anybody is told."""
        now = time.monotonic()
        with self._lock:
            self._ended = {each: until for each, until in self._ended.items() if until > now} | {id: now + KEPT}

    def _goes_on(self, session_id: UUID | None) -> bool:
        with self.pool.connection() as connection:
            row = connection.execute("SELECT ended_at FROM secrets.sessions WHERE id = %s", (session_id,)).fetchone()
        return row is None or row[0] is None

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        try:
            self._since = time.monotonic()
            async for (id,) in await connection.execute(_SINCE, (KEPT,)):
                self.note(id)
            while True:
                await connection.execute("SELECT 1")
                self._heard = time.monotonic()
                async for notice in connection.notifies(timeout=BEAT):
                    self.note(UUID(notice.payload))
        finally:
            self._heard = float("-inf")
