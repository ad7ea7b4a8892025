"""Pools of connections that keep nobody waiting long, and come back as soon as their database does."""

from typing import Final

from psycopg_pool import ConnectionPool

# Whoever asks is told within this time that the database is away.
WITHIN: Final = 5.0
# A pool's own attempts wait twice as long each time, in the end for minutes. So they are given up soon: whoever asks
# next begins with a new one.
GIVEN_UP_AFTER: Final = 5.0


def pool(url: str) -> ConnectionPool:
    kwargs = {"autocommit": True, "connect_timeout": int(WITHIN)}
    return ConnectionPool(
        url, min_size=1, max_size=8, timeout=WITHIN, reconnect_timeout=GIVEN_UP_AFTER, kwargs=kwargs, open=True
    )
