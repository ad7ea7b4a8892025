"""A ledger in PostgreSQL, read at one moment: in a row, or in pieces by several processes."""

import multiprocessing
import os
import struct
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from math import ceil
from uuid import UUID

import psycopg
from psycopg.abc import Buffer

from verifier.chain import genesis
from verifier.history import Broken, Event, History, Shared
from verifier.walk import Owed, Piece, walk

PIECE = 20_000
_ALL = (-(2**63), 2**63 - 1)
_EVENTS = (
    "COPY (SELECT notification_id, recorded_at, originator_id, originator_version, topic, state, chain"
    " FROM ledger.events WHERE notification_id > {} AND notification_id <= {} ORDER BY notification_id)"
    " TO STDOUT (FORMAT BINARY)"
)
_ROW = struct.Struct(">h iq iq i16s iq i")
_HEADER = 19
_END = b"\xff\xff"
_LENGTH = struct.Struct(">i")
_SINCE_2000 = 946_684_800_000_000
"""PostgreSQL counts microseconds from the year 2000 on."""


@contextmanager
def stored(url: str) -> Iterator[History]:
    """A ledger in PostgreSQL, as it stands at this moment."""
    with _reading(url) as connection:
        row = connection.execute("SELECT ledger, position, chain, pg_export_snapshot() FROM ledger.head").fetchone()
        if row is None:
            raise Broken(0, "the ledger has no head")
        ledger, position, chain, snapshot = row
        with closing(_events(connection, *_ALL)) as events:
            yield History(ledger, position, chain, events, Shared(url, snapshot))


def in_pieces(history: History, shared: Shared, owed: Owed) -> Iterator[Piece]:
    """The pieces in their order, shared evenly by a process for each core. Raises Broken."""
    cores = os.cpu_count() or 1
    size = ceil(history.position / (cores * ceil(history.position / (cores * PIECE))))
    ends = [*range(size, history.position, size), _ALL[1]]
    begins = [0, *ends[:-1]]
    receipts = [{at: owed[at] for at in owed if begin < at <= end} for begin, end in zip(begins, ends, strict=True)]
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as processes:
        yield from processes.map(partial(_piece, history.ledger, shared), begins, ends, receipts)


def _piece(ledger: UUID, shared: Shared, after: int, upto: int, owed: Owed) -> Piece:
    with _reading(shared.url) as connection:
        connection.execute(f"SET TRANSACTION SNAPSHOT '{shared.snapshot}'".encode())
        if after == 0:
            with closing(_events(connection, _ALL[0], upto)) as events:
                return walk(ledger, 0, genesis(ledger), events, owed)
        before = connection.execute("SELECT chain FROM ledger.events WHERE notification_id = %s", (after,)).fetchone()
        if before is None:
            raise Broken(after, "missing")
        with closing(_events(connection, after, upto)) as events:
            return walk(ledger, after, before[0], events, owed)


@contextmanager
def _reading(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def _events(connection: psycopg.Connection, after: int, upto: int) -> Generator[Event, None, None]:
    place = after
    with connection.cursor() as cursor, cursor.copy(_EVENTS.format(after, upto).encode()) as messages:
        try:
            for event in map(_event, _rows(messages)):
                yield event
                place = event.position
        except (struct.error, UnicodeDecodeError) as error:
            raise Broken(place + 1, f"what stands there is no event: {error}") from error


def _rows(messages: Iterable[Buffer]) -> Iterator[bytes]:
    """One message is one row; the first has the header before it, and what closes them is a message of its own."""
    skipped = _HEADER
    for message in messages:
        if len(row := bytes(message)[skipped:]) > len(_END):
            yield row
        skipped = 0


def _event(row: bytes) -> Event:
    _, _, position, _, micros, _, aggregate, _, version, length = _ROW.unpack_from(row)
    end = _ROW.size + length
    topic = row[_ROW.size : end].decode()
    (length,) = _LENGTH.unpack_from(row, end)
    state = row[end + 4 : end + 4 + length]
    return Event(position, micros + _SINCE_2000, aggregate, version, topic, state, row[end + 8 + length :])
