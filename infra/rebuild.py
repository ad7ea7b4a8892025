"""Makes read models anew beside the live ones: folded in memory, copied in, brought to the head, swapped in at once."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg import errors, sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from domain.model import Recorded
from infra import locks
from infra.erased import erased
from infra.ledger import Row as Stored
from infra.reading import consumer, engine_for
from infra.refold import refold
from infra.rows import SCHEMA, apply, forget
from infra.streams import EVENTS
from infra.tables import index, sign, tables
from infra.wiring import Core
from projections import PROJECTIONS
from projections.model import Projection

NEXT: Final = "read_next"
FEW: Final = 500
TRIES: Final = 20


class UnknownReadModel(ValueError):
    pass


class SwapWasKeptOut(RuntimeError):
    """Somebody reads the tables for so long that they could not be exchanged; they are as they were."""

    exit_code = 75  # EX_TEMPFAIL


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
        position = core.store.head().position
        rows = build(core, draft, NEXT, wanted, position)
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
            guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": locks.REBUILD})
            _drop(engine, schema)
            with engine.begin() as tx:
                tx.execute(text(f"CREATE SCHEMA {schema}"))
            try:
                yield engine, engine.execution_options(schema_translate_map={SCHEMA: schema})
            finally:
                _drop(engine, schema)
    finally:
        engine.dispose()


def _drop(engine: Engine, schema: str) -> None:
    with engine.begin() as tx:
        tx.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


def build(core: Core, draft: Engine, schema: str, wanted: Sequence[Projection], upto: int) -> int:
    """Fold the ledger up to a position, and write so many rows; what orders them is made once they are there."""
    views = [view for projection in wanted for view in projection.views]
    with draft.begin() as tx:
        for view in views:
            tx.execute(CreateTable(view.table))
            tx.execute(text(f"ALTER TABLE {schema}.{view.table.name} DROP CONSTRAINT {view.table.name}_pkey"))
            sign(tx, view.table, schema)
    rows = refold(core, schema, [each.name for each in wanted], upto)
    people = erased(core)
    with draft.begin() as tx:
        for view in views:
            keys = ", ".join(view.key_names)
            tx.execute(text(f"ALTER TABLE {schema}.{view.table.name} ADD PRIMARY KEY ({keys})"))
            index(tx, view)
            tx.execute(text(f"ANALYZE {schema}.{view.table.name}"))
        for projection in wanted:
            forget(tx, projection, people)
    return rows


def advance(core: Core, tx: Connection, wanted: Sequence[Projection], after: int, upto: int) -> int:
    """Apply what came after a position, up to another or to the head; returns how far it is."""
    while after < upto and (rows := core.store.read(after, min(upto - after, FEW))):
        apply(tx, wanted, [_recorded(core, row) for row in rows])
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
                return _exchange(tx, wanted, position)
        except DBAPIError as error:
            if not isinstance(error.orig, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            time.sleep(0.02 * (attempt + 1))
    raise SwapWasKeptOut(f"after {TRIES} tries: end the transaction that reads {SCHEMA}, then rebuild again")


def _exchange(tx: Connection, wanted: Sequence[Projection], position: int) -> int:
    """Old tables out, new ones in, checkpoints at their position: one transaction."""
    tx.execute(text("SET LOCAL lock_timeout = '300ms'"))
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": locks.SWAP_READ_MODELS})
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
