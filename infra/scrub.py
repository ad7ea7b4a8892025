"""Takes what was deleted out of the servers' files, where bytes stay until something else is written over them.

Tables that may have named a person are written anew, and every file of the write-ahead log that was there is gone; so
are the objects of the embedded store that were deleted.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from infra.config import Settings
from infra.embedded import objects
from infra.embedded.postgres import ADMIN

LOCKED_AT_MOST: Final = "10s"
HEARD_AFTER: Final = 1.0
_TABLES: Final = (
    "SELECT schemaname, tablename FROM pg_tables"
    " WHERE schemaname IN ('read', 'secrets', 'work', 'public')"
    " OR (schemaname, tablename) = ('pg_catalog', 'pg_statistic')"
    " ORDER BY 1, 2"
)
_LOGS: Final = "SELECT name FROM pg_ls_waldir()"
_NEXT: Final = "SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'scrub', 'on')"


def administrator(settings: Settings, setting: str = "database_url") -> str:
    """The embedded server's, of the data folder; of a server of one's own, the one that the environment names."""
    url = urlsplit(settings.need(setting))
    if settings.data is None or not (settings.data / "postgres" / "data").exists():
        return urlsplit(Settings().need(setting))._replace(path=url.path).geturl()
    password = (settings.data / "secrets" / "postgres-admin").read_text()
    server = url.netloc.rpartition("@")[2]
    return url._replace(netloc=f"{ADMIN}:{quote(password, safe='')}@{server}").geturl()


def scrub(settings: Settings) -> int:
    """Returns how many tables were written anew. Each is locked while that is done."""
    urls = [administrator(settings), administrator(settings, "keys_database_url")]
    written = sum(_write_anew(url) for url in urls)
    for url in urls:
        _drop_logs(url)
    if settings.data is not None:
        objects.vacuum(settings.data)
    return written


def _write_anew(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(LOCKED_AT_MOST)))
        tables = connection.execute(_TABLES).fetchall()
        for table in tables:
            connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(*table)))
        return len(tables)


def _drop_logs(url: str) -> None:
    """A file of the log that has served is kept to be written again, unless the server is told otherwise."""
    with psycopg.connect(url, autocommit=True) as connection, _not_recycling(connection):
        connection.execute("CHECKPOINT")
        old = _logs(connection)
        for _ in range(len(old) + 2):
            if not old & _logs(connection):
                return
            connection.execute(_NEXT)
            connection.execute("CHECKPOINT")


@contextmanager
def _not_recycling(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute("ALTER SYSTEM SET wal_recycle = off")
    connection.execute("SELECT pg_reload_conf()")
    time.sleep(HEARD_AFTER)
    try:
        yield
    finally:
        connection.execute("ALTER SYSTEM RESET wal_recycle")
        connection.execute("SELECT pg_reload_conf()")


def _logs(connection: psycopg.Connection) -> set[str]:
    return {name for (name,) in connection.execute(_LOGS)}
