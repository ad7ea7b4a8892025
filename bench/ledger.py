"""Durable appends of prepared events, against plain single-row commits one after another."""

import threading
from collections.abc import Iterator

import psycopg
from uuid_utils.compat import uuid7

from bench.frame import Result, alternating, rate
from infra.event_store import EventStore
from infra.ledger import Append
from infra.mapper import Stored
from infra.migrate import migrate
from tests.servers import Servers

STATE = b'{"data":{},"envelope":{}}'.ljust(700)
EACH = 500


def ledger(servers: Servers) -> Iterator[Result]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, "vistory_app", uuid7())
    store = EventStore(databases.app_url, pool_size=32)
    with psycopg.connect(databases.owner_url, autocommit=True) as plain:
        plain.execute("CREATE TABLE public.plain (id uuid PRIMARY KEY, state bytea NOT NULL)")
        _appends(store, 20)
        for writers, goal in ((1, 0.6), (8, None), (32, 2.0)):
            ours, limit = alternating(
                lambda writers=writers: rate(lambda: _by(writers, store)),  # type: ignore[misc]
                lambda: rate(lambda: _plain(plain, EACH)),
            )
            yield Result(
                f"durable appends, {writers} writers" if writers > 1 else "durable appends, 1 writer",
                "/s",
                ours,
                limit,
                "plain single-row commits, one after another",
                goal,
            )
    store.close()
    servers.drop(databases)


def _appends(store: EventStore, count: int) -> int:
    for _ in range(count):
        verdict = store.append([Append(uuid7(), b"", {"id": "x"}, [Stored(uuid7(), 1, "bench.event", STATE)])])
        assert verdict[0].verdict == "accepted"
    return count


def _by(writers: int, store: EventStore) -> int:
    share = EACH // writers
    threads = [threading.Thread(target=_appends, args=(store, share)) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return share * writers


def _plain(connection: psycopg.Connection, count: int) -> int:
    for _ in range(count):
        connection.execute("INSERT INTO public.plain VALUES (%b, %b)", (uuid7(), STATE), prepare=True)
    return count
