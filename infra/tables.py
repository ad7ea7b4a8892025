"""The tables of the read models: made where they are missing, and known by the code that fills them."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from psycopg import sql
from sqlalchemy import Connection, Engine, Table, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable

import projections
from infra import locks
from infra.reading import consumer
from infra.rows import SCHEMA
from projections.model import Projection, View

_BEGUN: Final = text("SELECT consumer FROM work.positions WHERE position > 0")


def tables(projections: Iterable[Projection]) -> list[Table]:
    return [view.table for projection in projections for view in projection.views]


def furnish(engine: Engine, projections: Sequence[Projection]) -> list[str]:
    """Make the tables that are missing. Returns the projections to be rebuilt: tables or rows are not as theirs."""
    with engine.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": locks.MAKE_TABLES})
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
