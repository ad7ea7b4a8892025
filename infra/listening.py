"""A connection of its own on a channel of PostgreSQL, opened anew whenever it is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partialmethod
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

from infra.cancelling import cancel_and_wait

AGAIN_AFTER: Final = 1.0
LOOKS_UP_EVERY: Final = 5.0
Follow = Callable[[psycopg.AsyncConnection], Awaitable[None]]


class _Listener(psycopg.AsyncConnection):
    """Psycopg looks up ten times a second whether somebody interrupts it; a task that waits is told by its loop."""

    wait = partialmethod(psycopg.AsyncConnection.wait, interval=LOOKS_UP_EVERY)


@asynccontextmanager
async def listening(url: str, channel: str, follow: Follow) -> AsyncIterator[None]:
    """Within it, `follow` reads each connection that listens; it is cancelled, or raises psycopg.Error, at its end."""
    task = asyncio.create_task(_listen(url, channel, follow))
    try:
        yield
    finally:
        await cancel_and_wait(task)


async def _listen(url: str, channel: str, follow: Follow) -> None:
    """Until cancelled."""
    while True:
        with suppress(psycopg.Error):
            async with await _Listener.connect(url, autocommit=True) as connection:
                await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                await follow(connection)
        await asyncio.sleep(AGAIN_AFTER)
