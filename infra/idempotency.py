"""Which command a repeated request means: one id per caller, route and key, for a day."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from psycopg_pool import ConnectionPool

WINDOW: Final = timedelta(hours=24)
_NAMESPACE: Final = UUID("4f0e7c1c-9a53-5d0e-8a58-0b8d2a5f7c11")


def command_id(pool: ConnectionPool, caller: str, route: str, key: str, now: datetime) -> UUID:
    """The id under which this very request was accepted within the last day, else the one it gets today."""
    day = int(now.timestamp() // WINDOW.total_seconds())
    today, yesterday = (uuid5(_NAMESPACE, "\n".join((caller, route, key, str(n)))) for n in (day, day - 1))
    with pool.connection() as connection:
        before = connection.execute(
            "SELECT 1 FROM ledger.commands WHERE id = %s AND recorded_at > %s", (yesterday, now - WINDOW)
        ).fetchone()
    return yesterday if before else today
