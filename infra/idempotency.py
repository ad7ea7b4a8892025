"""Which command a repeated request means: one id per caller, route and key, for a day."""

from datetime import datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID, uuid5

from psycopg_pool import ConnectionPool

WINDOW: Final = timedelta(hours=24)
_NAMESPACE: Final = UUID("4f0e7c1c-9a53-5d0e-8a58-0b8d2a5f7c11")


def command_id(pool: ConnectionPool, caller: str, route: str, key: str, now: datetime) -> UUID:
    """The id under which this very request was accepted within the last day, else the one that it gets now.

    A key's next id is used only once the one before it is a day old, so two requests at the same time always share one.
    """
    with pool.connection() as connection:
        for use in count():
            id = uuid5(_NAMESPACE, "\n".join((caller, route, key, str(use))))
            is_over = connection.execute(
                "SELECT 1 FROM ledger.commands WHERE id = %s AND recorded_at <= %s", (id, now - WINDOW)
            ).fetchone()
            if not is_over:
                return id
    raise AssertionError("there is always a next one")
