"""Tells a process at once whose key was destroyed, so that it remembers none of those."""

import asyncio
from threading import Thread
from typing import Self
from uuid import UUID

import psycopg

from infra.keys import ERASED, PersonKeys
from infra.listening import listening


class KeyNews:
    """While nobody tells, nothing is remembered either. In a thread of its own: not every process has a loop."""

    def __init__(self, url: str, keys: PersonKeys) -> None:
        self._url = url
        self._keys = keys
        self._loop = asyncio.new_event_loop()
        self._left = asyncio.Event()
        self._thread = Thread(target=self._run, name="key-news", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._loop.close()

    async def _listen(self) -> None:
        async with listening(self._url, ERASED, self._follow):
            await self._left.wait()

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        self._keys.remember()
        try:
            async for notice in connection.notifies():
                self._keys.drop(UUID(notice.payload))
        finally:
            self._keys.forget_all()
