"""What is read of a long history: verified, made into read models anew, looked through page by page."""

import gc
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic_core import from_json

from bench.frame import Bench, Result, growth, in_turn, percentile, rate, settle
from bench.history import Past, past
from bench.peers.projection_runner import events_of, projected
from infra.reading import Reading
from infra.rebuild import rebuild
from projections.audit import list_entries
from tests.commands.conftest import ACME
from tests.servers import Servers

BY_HAND = "a named cursor, a fold and COPY, written by hand"
LIBRARY = "the library's ProjectionRunner"
SHARE = 20
SIZES = (10_000, 100_000, 1_000_000)


def reading(bench: Bench) -> Iterator[Result]:
    costs: dict[str, list[tuple[int, float]]] = {}
    with past(bench.servers) as history:
        for size in SIZES if bench.long else SIZES[:1]:
            history.grow(size)
            verified, rebuilt, audited = _verified(history), _rebuilt(history), _audited(history)
            yield from (verified, rebuilt)
            events, peer = _by_the_library(bench.servers, history)
            yield replace(rebuilt, limit=peer, limit_is=f"{LIBRARY}, of {events:,} events", goal=40.0, ratios=())
            yield audited
            at = history.position
            for name, spent in (
                ("verify, all of it", at / verified.ours),
                ("rebuild, all of it", at / rebuilt.ours),
                ("an audit page, p50", audited.notes["p50"]),
                ("an audit page, p99", audited.ours),
                ("an append of a training's events", _appended(history)),
            ):
                costs.setdefault(name, []).append((at, spent))
    for name, cost in costs.items():
        yield from growth(name, "events", cost)


def _verified(history: Past) -> Result:
    found = in_turn({"ours": lambda: rate(lambda: _verify(history))})
    return Result(f"verify the chain of {history.position:,} events", "/s", sorted(found["ours"])[1], goal=50_000)


def _verify(history: Past) -> int:
    """As somebody else would: in a process of its own, its start included."""
    told = {"VISTORY_DATABASE_URL": history.databases.app_url}
    subprocess.run([sys.executable, "-m", "verifier"], env=told, check=True, stdout=subprocess.DEVNULL)
    return history.position


def _rebuilt(history: Past) -> Result:
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: rate(lambda: rebuild(history.core).events),
        BY_HAND: lambda: rate(lambda: by_hand(history)),
    }
    rounds = in_turn(ways, 3 if history.position < SIZES[-1] else 1)
    return Result.of(f"rebuild all read models from {history.position:,} events", "/s", rounds, BY_HAND, 0.4)


def _by_the_library(servers: Servers, history: Past) -> tuple[int, float]:
    """How many events it was given, a twentieth of ours and of their size, and how many a second it projected."""
    databases = servers.fresh_database()
    with psycopg.connect(history.databases.app_url) as connection:
        size = connection.execute("SELECT avg(octet_length(state))::int FROM ledger.events").fetchone()
    assert size
    with events_of(databases.owner_url, history.position // SHARE, "x" * size[0]) as environment:
        reached = projected(environment)
    servers.drop(databases)
    return reached


def _appended(history: Past) -> float:
    """Seconds, the median of some."""
    spent = []
    for _ in range(50):
        one = history.another()
        begin = time.perf_counter()
        history.append([one])
        spent.append(time.perf_counter() - begin)
    return median(spent)


def _audited(history: Past) -> Result:
    """Pages as people ask for them, anywhere in the log: queried, and made into the rows that are answered."""
    chance, reading = random.Random(3), Reading(history.databases.app_url)
    spent = []
    settle()
    with reading.transaction() as tx:
        whole = list_entries(tx, ACME, viewer=None, noisy=True, limit=1_000, after=history.position // 2).items
    for _ in range(400):
        some, after = chance.choice(whole), chance.choice([None, chance.randrange(history.position)])
        filters: list[dict[str, Any]] = [
            {},
            {"noisy": True},
            {"action": some.action},
            {"entity_type": chance.choice(["project", "dataset", "membership", "training_job"])},
            {"entity_id": some.entity_id},
            {"actor_id": some.actor_id},
            {"end": some.recorded_at},
            {"start": some.recorded_at, "action": "complete"},
        ]
        begin = time.perf_counter()
        with reading.transaction() as tx:
            list_entries(tx, ACME, viewer=None, after=after, **chance.choice(filters))
        spent.append((time.perf_counter() - begin) * 1_000)
    reading.close()
    work = f"audit page, filtered, at {history.position:,} events, p99"
    return Result(work, "ms", percentile(spent, 0.99), goal=20, more_is_better=False, notes={"p50": median(spent)})


def by_hand(history: Past) -> int:
    """What one would write for this alone: a row per event, and the newest state of each aggregate."""
    log: list[tuple[Any, ...]] = []
    things: dict[Any, tuple[Any, ...]] = {}
    gc.disable()
    with psycopg.connect(history.databases.app_url) as connection:
        with connection.cursor(name="by_hand") as cursor:
            cursor.itersize = 2_000
            cursor.execute(
                "SELECT notification_id, recorded_at, originator_id, originator_version, topic, state"
                " FROM ledger.events ORDER BY notification_id"
            )
            for position, recorded_at, id, version, topic, state in cursor:
                told = from_json(state)
                envelope, data = told["envelope"], told["data"]
                actor = envelope["actor"]
                log.append(
                    (position, envelope["organization"], topic, id, actor["kind"], actor["id"], actor["role"],
                     Jsonb(data), envelope["command"], envelope["correlation"], envelope["decided_at"], recorded_at)
                )  # fmt: skip
                things[id] = (id, version, topic, envelope["decided_at"], Jsonb(data))
        _write(connection, log, list(things.values()))
    gc.enable()
    return len(log)


def _write(connection: psycopg.Connection, log: list[tuple[Any, ...]], things: list[tuple[Any, ...]]) -> None:
    connection.execute("DROP SCHEMA IF EXISTS by_hand CASCADE")
    connection.execute("CREATE SCHEMA by_hand")
    connection.execute(
        "CREATE TABLE by_hand.log (position bigint, organization text, topic text, entity uuid, kind text, actor text,"
        " role text, data jsonb, command text, correlation text, decided_at timestamptz, recorded_at timestamptz)"
    )
    connection.execute(
        "CREATE TABLE by_hand.things (id uuid, version bigint, topic text, decided_at timestamptz, data jsonb)"
    )
    for table, rows in (("log", log), ("things", things)):
        with connection.cursor().copy(f"COPY by_hand.{table} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute("ALTER TABLE by_hand.log ADD PRIMARY KEY (position)")
    connection.execute("CREATE INDEX ON by_hand.log (entity, position)")
    connection.execute("CREATE INDEX ON by_hand.log (actor, position)")
    connection.execute("ALTER TABLE by_hand.things ADD PRIMARY KEY (id)")
