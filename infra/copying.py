"""Rows into a table by COPY, in PostgreSQL's own binary form: nothing is escaped here, and nothing parsed there."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic_core import to_json
from sqlalchemy import BigInteger, Boolean, DateTime, Double, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from projections.model import Row

Writer = Callable[[Any], bytes]
_AT_ONCE: Final = 500
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_COUNT: Final = struct.Struct(">h").pack
_LENGTH: Final = struct.Struct(">i").pack
_INTEGER: Final = struct.Struct(">iq").pack
_DOUBLE: Final = struct.Struct(">id").pack
_SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def copy_in(connection: psycopg.Connection, table: Table, schema: str, rows: Sequence[Row]) -> None:
    """Into an empty table, in the caller's transaction: every column of each row, of the types that `_WRITTEN` knows.

    Raises KeyError for a column of another type, or one that a row lacks.
    """
    columns = [(column.name, _WRITTEN[type(column.type)]) for column in table.columns]
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
        parts += [_NULL if (value := row[name]) is None else write(value) for name, write in columns]
    return b"".join(parts)


def _uuid(value: UUID) -> bytes:
    return b"\0\0\0\x10" + value.bytes


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH(len(data)) + data


def _integer(value: int) -> bytes:
    return _INTEGER(8, value)


def _double(value: float) -> bytes:
    return _DOUBLE(8, value)


def _moment(value: datetime) -> bytes:
    """Microseconds since the year 2000 began."""
    since = value - _SINCE
    return _INTEGER(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _boolean(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _json(value: Any) -> bytes:
    """The form of jsonb has a version, which is 1."""
    data = to_json(value)
    return _LENGTH(len(data) + 1) + b"\1" + data


_WRITTEN: Final[Mapping[type, Writer]] = {
    Uuid: _uuid,
    Text: _text,
    BigInteger: _integer,
    Double: _double,
    DateTime: _moment,
    Boolean: _boolean,
    JSONB: _json,
}
