"""Durable appends of prepared events, against plain single-row commits and the eventsourcing library's own recorder."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from bench.frame import Bench, Result, by, in_turn
from bench.plain import PLAIN, STATE, plain_commits
from infra.event_store import EventStore
from infra.ledger import Append, Ledger
from infra.line import Line
from infra.mapper import Stored
from infra.migrate import migrate
from infra.provision import APP

LIBRARY = "the library's own recorder, as many writers"


def ledger(bench: Bench) -> Iterator[Result]:
    databases = bench.servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    seconds = bench.size(1, 10) / 2
    with (
        closing(EventStore(databases.app_url, pool_size=32)) as store,
        closing(_library(databases.owner_url)) as library,
        plain_commits(databases.owner_url) as plain,
    ):
        line = Line(store)
        recorder = PostgresApplicationRecorder(library, events_table_name="events")
        recorder.create_table()
        for writers, serial, peer in ((1, 0.6, 2.0), (8, None, None), (32, 2.0, None)):
            rounds = in_turn(
                {
                    "ours": partial(by, writers, seconds, lambda: append(line)),
                    PLAIN: partial(by, 1, seconds, plain),
                    LIBRARY: partial(by, writers, seconds, lambda: _recorded(recorder)),
                },
                rounds=5,
            )
            work = f"durable appends, {writers} writer{'s' if writers > 1 else ''}"
            yield Result.of(work, "/s", rounds, PLAIN, serial)
            yield Result.of(work, "/s", rounds, LIBRARY, peer)
    bench.servers.drop(databases)


def append(store: Ledger) -> None:
    verdict = store.append([Append(uuid7(), b"", {"id": "x"}, [Stored(uuid7(), 1, "bench.event", STATE)])])
    assert verdict[0].verdict == "accepted"


def _recorded(recorder: PostgresApplicationRecorder) -> None:
    id: UUID = uuid7()
    recorder.insert_events([StoredEvent(id, 1, "bench.event", STATE)])


def _library(url: str) -> PostgresDatastore:
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return PostgresDatastore(
        dbname=parts["dbname"],
        host=parts["host"],
        port=parts["port"],
        user=parts["user"],
        password=parts["password"],
        schema="public",
        pool_size=1,
        max_overflow=31,
        originator_id_type="uuid",
    )
