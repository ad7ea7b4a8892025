"""Arrays as PostgreSQL reads them (binary), built by hand: psycopg's adaptation of lists costs more than an append."""

import struct
from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

BYTEA: Final = 17
INT8: Final = 20
INT4: Final = 23
TEXT: Final = 25
UUIDS: Final = 2950
JSONB: Final = 3802
_EMPTY: Final = struct.Struct("!3i")
_HEADER: Final = struct.Struct("!5i")
_LENGTH: Final = struct.Struct("!i")
_INT4: Final = struct.Struct("!ii")
_INT8: Final = struct.Struct("!iq")


class Array(bytes):
    """An array in binary; its place in the query says of which type."""


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        return obj


psycopg.adapters.register_dumper(Array, _AsItIs)


def array(oid: int, elements: Sequence[bytes]) -> Array:
    """Of elements in the binary form of their type."""
    return _array(oid, [part for each in elements for part in (_LENGTH.pack(len(each)), each)], len(elements))


def array_of(oid: int, elements: Sequence[bytes]) -> Array:
    """Of elements that have their length before them; one that is NULL has a length and nothing else."""
    return _array(oid, elements, len(elements))


def int4s(numbers: Sequence[int]) -> Array:
    return _array(INT4, [_INT4.pack(4, number) for number in numbers], len(numbers))


def int8s(numbers: Sequence[int]) -> Array:
    return _array(INT8, [_INT8.pack(8, number) for number in numbers], len(numbers))


def _array(oid: int, parts: Sequence[bytes], count: int) -> Array:
    if not count:
        return Array(_EMPTY.pack(0, 0, oid))
    return Array(b"".join((_HEADER.pack(1, 0, oid, count, 1), *parts)))
