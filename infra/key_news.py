"""Tells a process at once whose key was destroyed, so that it remembers none of those."""

import os
import select
from contextlib import closing, suppress
from threading import Event, Thread
from typing import Final, Self
from uuid import UUID

import psycopg

from infra.keys import ERASED, PersonKeys

AGAIN_AFTER: Final = 1.0


class KeyNews:
    """While nobody tells, nothing is remembered either."""

    def __init__(self, url: str, keys: PersonKeys) -> None:
        self._url = url
        self._keys = keys
        self._over = Event()
        self._woken, self._wake = os.pipe()
        self._thread = Thread(target=self._listen, name="key-news", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        os.write(self._wake, b".")
        self._thread.join()
        os.close(self._woken)
        os.close(self._wake)

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(psycopg.Error), closing(psycopg.connect(self._url, autocommit=True)) as connection:
                connection.execute(f"LISTEN {ERASED}")
                self._keys.remember()
                self._follow(connection)
            self._keys.forget_all()
            self._over.wait(AGAIN_AFTER)

    def _follow(self, connection: psycopg.Connection) -> None:
        while not self._over.is_set():
            select.select([connection.fileno(), self._woken], [], [])
            for notice in connection.notifies(timeout=0):
                self._keys.drop(UUID(notice.payload))
