"""The SQL of the read models, the same for every one: rows by key in, folded, rows out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from psycopg import sql
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    inspect,
    select,
    text,
    tuple_,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable

import projections
from domain.model import Recorded
from domain.person import Person
from domain.values import Erased
from infra.reading import consumer
from projections.folding import step
from projections.model import Key, Projection, Row, View

SCHEMA: Final = "read"
ERASED: Final = str(Erased())
T = TypeVar("T")
_FURNISHING: Final = 7306088
_AT_ONCE: Final = 1_000
_BEGUN: Final = text("SELECT consumer FROM work.positions WHERE position > 0")


def apply(tx: Connection, projection: Projection, events: Sequence[Recorded]) -> None:
    """Bring every view of a projection past these events."""
    for view in projection.views:
        some = [recorded for recorded in events if view.concerns(recorded.topic)]
        keys = list(dict.fromkeys(key for recorded in some for key in view.keys(recorded)))
        if keys:
            before = load(tx, view.table, keys)
            rows: dict[Key, Row | None] = dict(before)
            for recorded in some:
                step(view, rows, recorded)
            save(tx, view.table, {key: row for key, row in rows.items() if row is not before.get(key)})
    if erased := [each.event.originator_id for each in events if isinstance(each.event, Person.Erased)]:
        forget(tx, projection, erased)


def forget(tx: Connection, projection: Projection, people: Sequence[UUID]) -> None:
    """What is written in a read model about people who are erased: also what was read while they had a key."""
    for table in tables([projection]):
        for column in table.columns:
            if subject := column.info.get("about"):
                gone = table.c[subject].in_(people), column != ERASED
                tx.execute(table.update().where(*gone).values({column.name: ERASED}))


def load(tx: Connection, table: Table, keys: Sequence[Key]) -> dict[Key, Row]:
    columns = list(table.primary_key.columns)
    found: dict[Key, Row] = {}
    for some in pieces(keys):
        wanted = tuple_(*columns).in_(some) if len(columns) > 1 else columns[0].in_([key[0] for key in some])
        for row in tx.execute(select(table).where(wanted)).mappings():
            found[tuple(row[column.name] for column in columns)] = dict(row)
    return found


def save(tx: Connection, table: Table, rows: Mapping[Key, Row | None]) -> None:
    columns = list(table.primary_key.columns)
    gone = [key for key, row in rows.items() if row is None]
    for some in pieces(gone):
        tx.execute(table.delete().where(tuple_(*columns).in_(some)))
    if kept := [dict(row) for row in rows.values() if row is not None]:
        statement = insert(table)
        update = {column.name: statement.excluded[column.name] for column in table.columns if column not in columns}
        tx.execute(statement.on_conflict_do_update(index_elements=columns, set_=update), kept)


def pieces(many: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(many)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some


def tables(projections: Iterable[Projection]) -> list[Table]:
    return [view.table for projection in projections for view in projection.views]


def furnish(engine: Engine, projections: Sequence[Projection]) -> list[str]:
    """Make the tables that are missing. Returns the projections to be rebuilt: tables or rows are not as theirs."""
    with engine.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _FURNISHING})
        begun = set(tx.execute(_BEGUN).scalars())
        return [each.name for each in projections if not _fits(tx, each, consumer(each.name) in begun)]


@cache
def folded_by(folder: Path = Path(projections.__file__).parent) -> str:
    """A hash of the code that folds; whatever changes there, tables that an older one filled may be other than its."""
    files = sorted(folder.glob("*.py"))
    return sha256(b"".join(file.name.encode() + b"\0" + file.read_bytes() + b"\0" for file in files)).hexdigest()


def sign(tx: Connection, table: Table, schema: str) -> None:
    """Note at the table itself which code fills it: so it goes where the table goes.

    Of what is personal no statistics are kept, which would hold examples of it.
    """
    place = sql.Identifier(schema, table.name)
    commands = [sql.SQL("COMMENT ON TABLE {} IS {}").format(place, sql.Literal(folded_by()))]
    for column in table.columns:
        if "about" in column.info:
            quiet = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0")
            commands.append(quiet.format(place, sql.Identifier(column.name)))
    for command in commands:
        tx.execute(text(command.as_string(None)))


def _fits(tx: Connection, projection: Projection, begun: bool) -> bool:
    found = [_shape(tx, view.table) for view in projection.views]
    if not any(found) and not begun:
        make(tx, projection.views)
        return True
    is_ours = all(
        shape and _signature(tx, view.table) == folded_by() for shape, view in zip(found, projection.views, strict=True)
    )
    return is_ours and found == [_wanted(tx, view.table) for view in projection.views]


def make(tx: Connection, views: Iterable[View]) -> None:
    for view in views:
        tx.execute(CreateTable(view.table))
        sign(tx, view.table, SCHEMA)
        index(tx, view)


def index(tx: Connection, view: View) -> None:
    for each in view.table.indexes:
        tx.execute(CreateIndex(each))


def _shape(tx: Connection, table: Table) -> frozenset[tuple[str, str]]:
    """Columns and types as the database has them; empty where there is no such table."""
    if not inspect(tx).has_table(table.name, schema=SCHEMA):
        return frozenset()
    found = inspect(tx).get_columns(table.name, schema=SCHEMA)
    return frozenset((column["name"], column["type"].compile(tx.dialect)) for column in found)


def _wanted(tx: Connection, table: Table) -> frozenset[tuple[str, str]]:
    return frozenset((column.name, column.type.compile(tx.dialect)) for column in table.columns)


def _signature(tx: Connection, table: Table) -> str | None:
    return inspect(tx).get_table_comment(table.name, schema=SCHEMA)["text"]
