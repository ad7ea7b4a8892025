"""A database that was away: whoever asks meanwhile is told soon, and afterwards it is there at once."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from psycopg_pool import ConnectionPool

from infra.event_store import EventStore
from infra.pool import pool
from infra.reach import out_of_reach
from tests.faults.proxy import Proxy
from tests.ground import ground
from tests.servers import Databases, Servers

AWAY_FOR = 9.0


def test_a_pool_is_back_soon_after_its_database(servers: Servers) -> None:
    url = servers.parts.admin_url
    with Proxy(urlsplit(url).port or 0) as road, pool(road.instead(url)) as found:
        assert_back_soon(road, lambda: selected(found))


def test_the_ledger_is_back_soon_after_its_database(servers: Servers, fresh_database: Callable[..., Databases]) -> None:
    with ground(fresh_database()) as at, Proxy(urlsplit(servers.parts.admin_url).port or 0) as road:
        store = EventStore(road.instead(at.databases.app_url))
        assert_back_soon(road, store.head)
        store.close()


def selected(found: ConnectionPool) -> None:
    with found.connection() as connection:
        connection.execute("SELECT 1")


def assert_back_soon(road: Proxy, ask: Callable[[], object]) -> None:
    assert trouble(ask) is None
    with road.cut():
        end = time.monotonic() + AWAY_FOR
        while (asked := time.monotonic()) < end:
            error = trouble(ask)
            assert error is not None
            assert out_of_reach(error), error
            assert time.monotonic() - asked < 7
    back = time.monotonic()
    while (error := trouble(ask)) is not None:
        assert out_of_reach(error), error
    assert time.monotonic() - back < 3


def trouble(ask: Callable[[], object]) -> Exception | None:
    try:
        ask()
    except Exception as error:
        return error
    return None
