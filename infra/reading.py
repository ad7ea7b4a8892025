"""How the read models are read: a transaction for queries, and a bounded wait for one's own writes."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final, TypeVar

from psycopg.errors import UndefinedTable
from sqlalchemy import Connection, Engine, bindparam, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.types import Text

from infra import locks

T = TypeVar("T")
MOST_WAITING: Final = 16
FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.015
_REACHED: Final = text(
    "SELECT consumer, position, stopped FROM work.positions WHERE consumer = ANY(:consumers)"
).bindparams(bindparam("consumers", type_=ARRAY(Text)))

# Taken by readers before any table, and by a swap alone: so the two wait for each other and never lock each other out.
_STAY: Final = text(f"SELECT pg_advisory_xact_lock_shared({locks.SWAP_READ_MODELS})")


class NotThereYet(Exception):
    """A read model has not reached the position that was asked for; worth another try soon."""


class ReadModelStopped(NotThereYet):
    """It will not get there by itself."""


PROJECTION: Final = "projection:"


def consumer(projection: str) -> str:
    """What a projection is called in `work.positions`."""
    return f"{PROJECTION}{projection}"


def engine_for(url: str, *, pool_size: int = 8, pre_ping: bool = True, **options: Any) -> Engine:
    """Connections are made when first needed."""
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=pre_ping,
        hide_parameters=True,
        connect_args=options,
    )


class Reading:
    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self._engine = engine_for(url, pool_size=pool_size)
        self._waiting = BoundedSemaphore(MOST_WAITING)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Each query sees whole tables of its own moment: to one snapshot for all, tables swapped in would be empty."""
        with self._engine.connect().execution_options(postgresql_readonly=True) as connection, connection.begin():
            connection.execute(_STAY)
            yield connection

    def ask(self, question: Callable[[Connection], T], nothing: T) -> T:
        """The answer, or `nothing` where no read model was ever made."""
        try:
            with self.transaction() as tx:
                return question(tx)
        except ProgrammingError as error:
            if not isinstance(error.orig, UndefinedTable):
                raise
            return nothing

    def wait_until(self, names: Iterable[str], position: int, timeout: float = 2.0) -> None:
        """Return once all these projections are at `position`. Raises NotThereYet, ReadModelStopped.

        So many wait at once and no more: whoever waits holds a thread that others need.
        """
        wanted = {consumer(name) for name in names}
        if not self._behind(wanted, position):
            return
        if not self._waiting.acquire(blocking=False):
            raise NotThereYet(f"{MOST_WAITING} others wait for read models already")
        try:
            self._wait(wanted, position, timeout)
        finally:
            self._waiting.release()

    def _wait(self, wanted: set[str], position: int, timeout: float) -> None:
        until, pause = time.monotonic() + timeout, FIRST_PAUSE
        while behind := self._behind(wanted, position):
            if time.monotonic() >= until:
                raise NotThereYet(f"{', '.join(sorted(behind))} not at position {position} after {timeout:g} s")
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _behind(self, wanted: set[str], position: int) -> set[str]:
        with self._engine.connect() as connection:
            rows = connection.execute(_REACHED, {"consumers": sorted(wanted)}).all()
        for name, reached, stopped in rows:
            if stopped is not None and reached < position:
                raise ReadModelStopped(f"{name} stopped at position {reached}; the log says why")
        return wanted - {name for name, reached, _ in rows if reached >= position}

    def close(self) -> None:
        self._engine.dispose()
