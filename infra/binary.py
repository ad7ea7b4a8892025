"""Values of read models in PostgreSQL's own binary form, each with its length before it."""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

Writer = Callable[[Any], bytes]
NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct(">i").pack
_INTEGER: Final = struct.Struct(">iq").pack
_DOUBLE: Final = struct.Struct(">id").pack
_SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def kind(column: Column[Any]) -> tuple[int, Writer]:
    """The number of its type, and what writes a value that is not NULL. Raises KeyError for a type not known here."""
    return _KINDS[type(column.type)]


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


_KINDS: Final[Mapping[type, tuple[int, Writer]]] = {
    Uuid: (2950, _uuid),
    Text: (25, _text),
    BigInteger: (20, _integer),
    Double: (701, _double),
    DateTime: (1184, _moment),
    Boolean: (16, _boolean),
    JSONB: (3802, _json),
}
