"""Makes read models anew beside the live ones: folded in memory, copied in, brought to the head, swapped in at once."""

import gc
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from psycopg import errors, sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from domain import EVENTS as EVENTS_BY_TOPIC
from domain.model import Recorded
from infra.config import Settings
from infra.ledger import Row as Stored
from infra.mapper import Stored as StoredEvent
from infra.reading import SWAPPING, consumer, engine_for
from infra.streams import EVENTS
from infra.tables import SCHEMA, apply, copy_in, index, sign, tables
from infra.wiring import Core
from projections import PROJECTIONS
from projections.folding import step
from projections.model import Key, Projection, Row, View

NEXT: Final = "read_next"
FEW: Final = 500
TRIES: Final = 20
_ONE_AT_A_TIME: Final = 7306089
_AT_ONCE: Final = 2_000
PART: Final = 50_000
"""How many events are folded at once, more or less."""
_core: Core
"""In a process that folds for a rebuild: what it reads by."""


class UnknownReadModel(ValueError):
    pass


class CannotFold(RuntimeError):
    """An event that a projection cannot take; the live tables are as they were."""


class SwapWasKeptOut(RuntimeError):
    """Somebody reads the tables for so long that they could not be exchanged; they are as they were."""


@dataclass(frozen=True)
class Rebuilt:
    projections: tuple[str, ...]
    position: int
    events: int
    rows: int
    seconds: float


def rebuild(core: Core, names: Collection[str] = ()) -> Rebuilt:
    """All read models, or those named; readers and the projector go on meanwhile."""
    began, wanted = time.monotonic(), chosen(names)
    with beside(core, NEXT) as (plain, draft):
        position, rows = build(core, draft, NEXT, wanted, core.store.head().position)
        while core.store.head().position - position > FEW:
            with draft.begin() as tx:
                position = advance(core, tx, wanted, position, position + 10 * FEW)
        position = _swap(core, plain, draft, wanted, position)
    return Rebuilt(tuple(p.name for p in wanted), position, position, rows, time.monotonic() - began)


def chosen(names: Collection[str]) -> tuple[Projection, ...]:
    if unknown := set(names) - {each.name for each in PROJECTIONS}:
        known = ", ".join(each.name for each in PROJECTIONS)
        raise UnknownReadModel(f"there is no read model {min(unknown)!r}; there are {known}")
    return tuple(each for each in PROJECTIONS if not names or each.name in names)


@contextmanager
def beside(core: Core, schema: str) -> Iterator[tuple[Engine, Engine]]:
    """An empty schema: an engine for the live tables, and the same one sent there. One rebuild at a time."""
    engine = engine_for(core.settings.need("database_url"), pool_size=4)
    try:
        with engine.connect() as guard, guard.begin():
            guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
            _empty(engine, schema, again=True)
            yield engine, engine.execution_options(schema_translate_map={SCHEMA: schema})
            _empty(engine, schema, again=False)
    finally:
        engine.dispose()


def _empty(engine: Engine, schema: str, *, again: bool) -> None:
    with engine.begin() as tx:
        tx.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        if again:
            tx.execute(text(f"CREATE SCHEMA {schema}"))


def build(core: Core, draft: Engine, schema: str, wanted: Sequence[Projection], upto: int) -> tuple[int, int]:
    """Fold the ledger up to a position, and write the tables.

    In parts of whole aggregates, by several processes where there is much of it: no row is ever made from events of two
    aggregates (a key in two parts would be refused by the table). So memory is what a part takes, not the ledger.
    """
    views = [view for projection in wanted for view in projection.views]
    with draft.begin() as tx:
        for view in views:
            tx.execute(CreateTable(view.table))
            sign(tx, view.table, schema)
    parts = max(1, -(-upto // PART))
    fold = partial(fold_part, schema, [each.name for each in wanted], upto, parts)
    rows = fold(core, 0) if parts == 1 else sum(_by_processes(core.settings, fold, parts))
    with draft.begin() as tx:
        for view in views:
            index(tx, view)
            tx.execute(text(f"ANALYZE {schema}.{view.table.name}"))
    return upto, rows


def _by_processes(settings: Settings, fold: Callable[[Core, int], int], parts: int) -> Iterable[int]:
    with ProcessPoolExecutor(
        min(parts, os.cpu_count() or 1), get_context("spawn"), _begin_process, (settings,)
    ) as processes:
        yield from processes.map(partial(_in_process, fold), range(parts))


def _begin_process(settings: Settings) -> None:
    """What is folded lives until it is written, so there is nothing for a collector of garbage to find."""
    gc.disable()
    global _core
    _core = Core.open(settings)


def _in_process(fold: Callable[[Core, int], int], part: int) -> int:
    return fold(_core, part)


def fold_part(schema: str, names: Collection[str], upto: int, parts: int, core: Core, part: int) -> int:
    """Fold the aggregates of one part in memory, and copy them in; how many rows that were."""
    by_topic = _by_topic(chosen(names))
    drafts: dict[str, dict[Key, Row | None]] = {view.table.name: {} for views in by_topic.values() for _, view in views}
    tables = {view.table.name: view.table for views in by_topic.values() for _, view in views}
    for recorded in in_bulk(core, upto, parts, part):
        for name, view in by_topic[recorded.topic]:
            try:
                step(view, drafts[view.table.name], recorded)
            except Exception as error:
                raise CannotFold(f"{name} at position {recorded.position}: {error!r}") from error
    with core.pool.connection() as connection, connection.transaction():
        for name, rows in drafts.items():
            copy_in(connection, tables[name], schema, (row for row in rows.values() if row is not None))
    return sum(row is not None for rows in drafts.values() for row in rows.values())


def _by_topic(wanted: Sequence[Projection]) -> dict[str, list[tuple[str, View]]]:
    """Per topic, the views to which it may say something, and whose they are."""
    return {
        topic: [(each.name, view) for each in wanted for view in each.views if view.concerns(topic)]
        for topic in EVENTS_BY_TOPIC
    }


def in_bulk(core: Core, upto: int, parts: int = 1, part: int = 0) -> Iterator[Recorded]:
    """The ledger, or those aggregates of it that are of one part, through a cursor on the server, in order."""
    query = (
        "SELECT notification_id, recorded_at, originator_id, originator_version, topic, state FROM ledger.events"
        " WHERE notification_id <= %s AND (uuid_hash(originator_id) & 2147483647) %% %s = %s ORDER BY notification_id"
    )
    with (
        core.pool.connection() as connection,
        connection.transaction(),
        connection.cursor(name="rebuild") as cursor,
    ):
        cursor.itersize = _AT_ONCE
        for position, recorded_at, *stored in cursor.execute(query, (upto, parts, part), binary=True):
            yield core.mapper.recorded(StoredEvent(*stored), position, recorded_at)


def advance(core: Core, tx: Connection, wanted: Iterable[Projection], after: int, upto: int) -> int:
    """Apply what came after a position, up to another or to the head; returns how far it is."""
    while after < upto and (rows := core.store.read(after, min(upto - after, FEW))):
        events = [_recorded(core, row) for row in rows]
        for projection in wanted:
            apply(tx, projection, events)
        after = rows[-1].position
    return after


def _recorded(core: Core, row: Stored) -> Recorded:
    return core.mapper.recorded(row.stored, row.position, row.recorded_at)


def _swap(core: Core, plain: Engine, draft: Engine, wanted: Sequence[Projection], position: int) -> int:
    """Readers are waited for shortly and again, so that none of them ever waits long for us."""
    for attempt in range(TRIES):
        with draft.begin() as tx:
            position = advance(core, tx, wanted, position, core.store.head().position)
        try:
            with plain.begin() as tx:
                return _exchange(core, tx, wanted, position)
        except DBAPIError as error:
            if not isinstance(error.orig, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            time.sleep(0.02 * (attempt + 1))
    raise SwapWasKeptOut(f"after {TRIES} tries: end the transaction that reads {SCHEMA}, then rebuild again")


def _exchange(core: Core, tx: Connection, wanted: Sequence[Projection], position: int) -> int:
    """Old tables out, new ones in, checkpoints at their position: one transaction."""
    tx.execute(text("SET LOCAL lock_timeout = '300ms'"))
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SWAPPING})
    move = text(
        "INSERT INTO work.positions (consumer, stream, position) VALUES (:consumer, :stream, :position)"
        " ON CONFLICT (consumer) DO UPDATE SET position = :position, stopped = NULL, moved_at = now()"
    )
    for projection in sorted(wanted, key=lambda each: each.name):
        tx.execute(move, {"consumer": consumer(projection.name), "stream": EVENTS, "position": position})
    for table in sorted(tables(wanted), key=lambda each: each.name):
        old, new = sql.Identifier(SCHEMA, table.name), sql.Identifier(NEXT, table.name)
        for command in ("DROP TABLE IF EXISTS {old}", "ALTER TABLE {new} SET SCHEMA {schema}"):
            statement = sql.SQL(command).format(old=old, new=new, schema=sql.Identifier(SCHEMA))
            tx.execute(text(statement.as_string(None)))
    return position
