"""How the read models are read: a transaction for queries, and a bounded wait for one's own writes."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.05
_REACHED: Final = text(
    "SELECT consumer, position, stopped FROM work.positions WHERE consumer = ANY(:consumers)"
).bindparams(bindparam("consumers", type_=ARRAY(Text)))


class NotThereYet(Exception):
    """A read model has not reached the position that was asked for; worth another try soon."""


class ReadModelStopped(NotThereYet):
    """It will not get there by itself."""


def consumer(projection: str) -> str:
    """What a projection is called in `work.positions`."""
    return f"projection:{projection}"


def engine_for(url: str, *, pool_size: int = 8, **options: Any) -> Engine:
    """Connections are made when first needed."""
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args=options,
    )


class Reading:
    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self._engine = engine_for(url, pool_size=pool_size)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One moment of the read models: every query in it sees the same state."""
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def wait_until(self, names: Iterable[str], position: int, timeout: float = 2.0) -> None:
        """Return once all these projections are at `position`. Raises NotThereYet, ReadModelStopped."""
        wanted = {consumer(name) for name in names}
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
                raise ReadModelStopped(f"{name} stopped at position {reached}: {stopped}")
        return wanted - {name for name, reached, _ in rows if reached >= position}

    def close(self) -> None:
        self._engine.dispose()
