"""The SQL of the read models' rows, the same for every one: by key in, folded, out; two round trips for any number."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, Self, cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects.postgresql import dialect

from domain.model import Recorded
from domain.person import Person
from domain.values import Erased
from infra.arrays import Array, array_of
from infra.binary import NULL, kind
from projections.folding import step
from projections.model import Key, Projection, Row, View

SCHEMA: Final = "read"
ERASED: Final = str(Erased())
_DIALECT: Final = dialect()  # type: ignore[no-untyped-call]
Rows = Mapping[Key, Row | None]


class _Share(NamedTuple):
    """What some events are to one view."""

    view: View
    events: Sequence[Recorded]
    keys: Sequence[Key]

    @classmethod
    def of(cls, view: View, events: Sequence[Recorded]) -> Self:
        some = [recorded for recorded in events if view.concerns(recorded.topic)]
        return cls(view, some, list(dict.fromkeys(key for recorded in some for key in view.keys(recorded))))

    def folded(self, before: Mapping[Key, Row]) -> Rows:
        """The rows that become others."""
        rows: dict[Key, Row | None] = dict(before)
        for recorded in self.events:
            step(self.view, rows, recorded)
        return {key: row for key, row in rows.items() if row is not before.get(key)}


def apply(tx: Connection, projections: Sequence[Projection], events: Sequence[Recorded]) -> None:
    """Bring every view of these projections past these events."""
    shares = [_Share.of(view, events) for projection in projections for view in projection.views]
    if touched := [share for share in shares if share.keys]:
        found = _loaded(tx, touched)
        _save(tx, [(share.view.table, share.folded(rows)) for share, rows in zip(touched, found, strict=True)])
    if erased := [each.event.originator_id for each in events if isinstance(each.event, Person.Erased)]:
        for projection in projections:
            forget(tx, projection, erased)


def forget(tx: Connection, projection: Projection, people: Sequence[UUID]) -> None:
    """What is written in a read model about people who are erased: also what was read while they had a key."""
    for table in (view.table for view in projection.views):
        for column in table.columns:
            if subject := column.info.get("about"):
                gone = table.c[subject].in_(people), column != ERASED
                tx.execute(table.update().where(*gone).values({column.name: ERASED}))


def save(tx: Connection, table: Table, rows: Rows) -> None:
    _save(tx, [(table, rows)])


def driver(tx: Connection) -> psycopg.Connection:
    """The same connection and transaction, without what SQLAlchemy does for each statement anew."""
    return cast(psycopg.Connection, tx.connection.driver_connection)


def _loaded(tx: Connection, shares: Sequence[_Share]) -> list[dict[Key, Row]]:
    connection = driver(tx)
    with connection.pipeline():
        cursors = [_load(connection, _statements(share.view.table, _schema(tx)), share) for share in shares]
    return [_by_key(share.view, cursor) for share, cursor in zip(shares, cursors, strict=True)]


def _load(connection: psycopg.Connection, says: "_Statements", share: _Share) -> psycopg.Cursor[TupleRow]:
    columns = list(share.view.table.primary_key.columns)
    return connection.cursor(binary=True).execute(says.load, _arrays(columns, share.keys), prepare=True)


def _by_key(view: View, cursor: psycopg.Cursor[TupleRow]) -> dict[Key, Row]:
    names = [column.name for column in view.table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {tuple(row[name] for name in view.key_names): row for row in rows}


def _save(tx: Connection, changes: Sequence[tuple[Table, Rows]]) -> None:
    connection, schema = driver(tx), _schema(tx)
    with connection.pipeline():
        for table, rows in changes:
            says, columns = _statements(table, schema), list(table.columns)
            if gone := [key for key, row in rows.items() if row is None]:
                connection.execute(says.delete, _arrays(list(table.primary_key.columns), gone), prepare=True)
            if kept := [[row[column.name] for column in columns] for row in rows.values() if row is not None]:
                connection.execute(says.save, _arrays(columns, kept), prepare=True)


def _schema(tx: Connection) -> str:
    """A rebuild sends the same tables elsewhere."""
    elsewhere: Mapping[str, str] = tx.get_execution_options().get("schema_translate_map", {})
    return elsewhere.get(SCHEMA, SCHEMA)


def _arrays(columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]]) -> list[Array]:
    """One for each column: a statement is the same for any number of rows."""
    return [_array(column, values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]


def _array(column: Column[Any], values: Sequence[Any]) -> Array:
    oid, write = kind(column)
    return array_of(oid, [NULL if value is None else write(value) for value in values])


class _Statements(NamedTuple):
    load: bytes
    save: bytes
    delete: bytes


@cache
def _statements(table: Table, schema: str) -> _Statements:
    keys = list(table.primary_key.columns)
    parts = {
        "table": sql.Identifier(schema, table.name),
        "columns": _names(table.columns),
        "keys": _names(keys),
        "changed": sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(each.name))
            for each in table.columns
            if each not in keys
        ),
        "wanted": _unnested(keys),
        "rows": _unnested(table.columns),
    }
    load = "SELECT {columns} FROM {table} WHERE ({keys}) IN (SELECT * FROM {wanted})"
    save = "INSERT INTO {table} ({columns}) SELECT * FROM {rows} ON CONFLICT ({keys}) DO UPDATE SET {changed}"
    delete = "DELETE FROM {table} WHERE ({keys}) IN (SELECT * FROM {wanted})"
    return _Statements(*(sql.SQL(each).format(**parts).as_bytes(None) for each in (load, save, delete)))


def _names(columns: Any) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _unnested(columns: Any) -> sql.Composed:
    types = (sql.SQL("%b::" + column.type.compile(_DIALECT) + "[]") for column in columns)
    return sql.SQL("unnest({})").format(sql.SQL(", ").join(types))
