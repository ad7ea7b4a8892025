"""Rows into a table by COPY, in PostgreSQL's own binary form: nothing is escaped here, and nothing parsed there."""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import Table

from infra.binary import NULL, Writer, kind
from projections.model import Row

_AT_ONCE: Final = 500
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_COUNT: Final = struct.Struct(">h").pack


def copy_in(connection: psycopg.Connection, table: Table, schema: str, rows: Sequence[Row]) -> None:
    """Into an empty table, in the caller's transaction: every column of each row. Raises KeyError for one it lacks."""
    columns = [(column.name, kind(column)[1]) for column in table.columns]
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    into = sql.Identifier(schema, table.name)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(into, names)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(_BEGIN)
        for begin in range(0, len(rows), _AT_ONCE):
            copy.write(_written(rows[begin : begin + _AT_ONCE], columns))
        copy.write(_END)


def _written(rows: Iterable[Row], columns: Sequence[tuple[str, Writer]]) -> bytes:
    parts, count = [], _COUNT(len(columns))
    for row in rows:
        parts.append(count)
        parts += [NULL if (value := row[name]) is None else write(value) for name, write in columns]
    return b"".join(parts)
