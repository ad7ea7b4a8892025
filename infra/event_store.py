"""The ledger on PostgreSQL: the eventsourcing library's recorder, with one door of our own (migration 0001)."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any, Final, cast
from uuid import UUID

from eventsourcing.persistence import InterfaceError, InternalError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.utils import retry
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import IdleInTransactionSessionTimeout
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8

from infra import locks, metrics
from infra.arrays import BYTEA, JSONB, TEXT, UUIDS, Array, array, int4s, int8s
from infra.ledger import NOW, Append, Head, Ledger, Row, Verdict
from infra.mapper import Stored
from infra.pool import GIVEN_UP_AFTER

SILENT_AT_MOST: Final = 5
_APPEND = (
    "SELECT verdict, reached, chain, fingerprint, result FROM ledger.append("
    "%b::uuid[], %b::bytea[], %b::jsonb[],"
    " %b::int[], %b::uuid[], %b::bigint[], %b::text[], %b::bytea[],"
    " %b::int[], %b::uuid[], %b::bigint[], %b::int[], %b::jsonb[])"
)
_EVENTS_OF = (
    "SELECT originator_id, originator_version, topic, state FROM ledger.events"
    " WHERE originator_id = %b AND originator_version > %b AND notification_id <= %b"
    " ORDER BY originator_version LIMIT %b"
)
_EVENTS_OF_EACH = (
    "SELECT e.* FROM unnest(%b::uuid[], %b::bigint[]) AS asked (id, after) CROSS JOIN LATERAL ("
    "SELECT originator_id, originator_version, topic, state FROM ledger.events"
    " WHERE originator_id = asked.id AND originator_version > asked.after AND notification_id <= %b"
    " ORDER BY originator_version LIMIT %b) e"
)


class UnsafeSetting(RuntimeError):
    """A variable of the library's would break what the ledger promises."""

    exit_code = 78  # EX_CONFIG


class _Datastore(PostgresDatastore):
    """Whose plans are kept: each statement asks by key, and planning it takes longer than what it plans."""

    def after_connect_func(self) -> Callable[[Connection[Any]], None]:
        configure = super().after_connect_func()

        def configured(connection: Connection[Any]) -> None:
            configure(connection)
            connection.execute("SET plan_cache_mode = force_generic_plan")

        return configured


class _Door(ABC):
    """What is asked of the ledger, by whatever connection."""

    @abstractmethod
    def connected(self) -> AbstractContextManager[Connection[Any]]: ...

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        with self.connected() as connection:
            rows = connection.execute(_APPEND, _arguments(commands), prepare=True, binary=True).fetchall()
        metrics.APPENDED.observe(sum(len(command.events) for command in commands))
        metrics.TOGETHER.observe(len(commands))
        return [
            Verdict(r["verdict"], r["reached"], r["chain"], r["fingerprint"], r["result"] or command.result)
            for r, command in zip(rows, commands, strict=True)
        ]

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def events_of(self, id: UUID, after: int = 0, limit: int | None = None, upto: int = NOW) -> list[Stored]:
        with self.connected() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            return [Stored(*row) for row in cursor.execute(_EVENTS_OF, (id, after, Int8(upto), limit), prepare=True)]

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def events_of_each(self, after: Mapping[UUID, int], limit: int, upto: int = NOW) -> dict[UUID, list[Stored]]:
        found: dict[UUID, list[Stored]] = {id: [] for id in after}
        asked = array(UUIDS, [id.bytes for id in after]), int8s(list(after.values())), Int8(upto), limit
        with self.connected() as connection:
            cursor = connection.cursor(row_factory=tuple_row, binary=True)
            for row in cursor.execute(_EVENTS_OF_EACH, asked, prepare=True):
                found[row[0]].append(Stored(*row))
        return found

    def command(self, id: UUID) -> Verdict | None:
        with self.connected() as connection:
            row = connection.execute(
                "SELECT position, chain, fingerprint, result FROM ledger.commands WHERE id = %s", (id,), prepare=True
            ).fetchone()
        return Verdict("repeated", row["position"], row["chain"], row["fingerprint"], row["result"]) if row else None

    def read(self, after: int, limit: int) -> list[Row]:
        with self.connected() as connection:
            rows = connection.execute(
                "SELECT notification_id, recorded_at, chain, originator_id, originator_version, topic, state"
                " FROM ledger.events WHERE notification_id > %s ORDER BY notification_id LIMIT %s",
                (after, limit),
                prepare=True,
                binary=True,
            ).fetchall()
        return [
            Row(
                r["notification_id"],
                r["recorded_at"],
                bytes(r["chain"]),
                Stored(r["originator_id"], r["originator_version"], r["topic"], bytes(r["state"])),
            )
            for r in rows
        ]

    def head(self) -> Head:
        with self.connected() as connection:
            row = connection.execute("SELECT ledger, generation, position, chain FROM ledger.head").fetchone()
        assert row is not None, "`vistory migrate` gives the ledger its head"
        return Head(row["ledger"], row["generation"], row["position"], bytes(row["chain"]))


class EventStore(_Door, PostgresApplicationRecorder):
    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS", "n").lower() in ("y", "yes", "t", "true", "on", "1"):
            raise UnsafeSetting(
                "POSTGRES_ENABLE_DB_FUNCTIONS is set: the library's SQL function takes no lock and readers lose "
                "events; unset it"
            )
        parts = conninfo_to_dict(url)
        datastore = _Datastore(
            dbname=str(parts["dbname"]),
            host=str(parts["host"]),
            port=str(parts.get("port", 5432)),
            user=str(parts["user"]),
            password=str(parts.get("password", "")),
            schema="ledger",
            pool_size=1,
            max_overflow=pool_size - 1,
        )
        own = {"dbname", "host", "port", "user", "password"}
        cast(dict[str, Any], datastore.pool.kwargs).update({k: v for k, v in parts.items() if k not in own})
        datastore.pool.reconnect_timeout = GIVEN_UP_AFTER
        super().__init__(datastore, events_table_name="events")
        # Of all threads one asks at a time, so that those who wait hold no connection that it needs.
        self._turn = Lock()

    def create_table(self) -> None:
        """Nothing: `vistory migrate` makes the tables, as another role."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        raise NotImplementedError("the only door is append()")

    def connected(self) -> AbstractContextManager[Connection[Any]]:
        return self.datastore.get_connection()

    @contextmanager
    def alone(self) -> Iterator[Ledger]:
        """By the lock that every append takes; a process that falls silent while it holds it is hung up on."""
        try:
            with self._turn, self.datastore.get_connection() as connection, connection.transaction():
                connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_AT_MOST}s'")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.APPEND,))
                yield _Alone(connection)
        except InternalError as error:
            if isinstance(error.__cause__, IdleInTransactionSessionTimeout):
                raise OperationalError(str(error)) from error
            raise

    def close(self) -> None:
        self.datastore.close()


class _Alone(_Door):
    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def connected(self) -> AbstractContextManager[Connection[Any]]:
        return nullcontext(self._connection)

    def alone(self) -> AbstractContextManager[Ledger]:
        return nullcontext(self)


def _arguments(commands: Sequence[Append]) -> list[Array]:
    events = [(n, event) for n, command in enumerate(commands, 1) for event in command.events]
    reads = [(n, *read) for n, command in enumerate(commands, 1) for read in command.reads]
    sides = [(n, side) for n, command in enumerate(commands, 1) for side in command.sides]
    return [
        array(UUIDS, [command.command_id.bytes for command in commands]),
        array(BYTEA, [command.fingerprint for command in commands]),
        array(JSONB, [_jsonb(command.result) for command in commands]),
        int4s([n for n, _ in events]),
        array(UUIDS, [event.originator_id.bytes for _, event in events]),
        int8s([event.originator_version for _, event in events]),
        array(TEXT, [event.topic.encode() for _, event in events]),
        array(BYTEA, [event.state for _, event in events]),
        int4s([n for n, _, _ in reads]),
        array(UUIDS, [id.bytes for _, id, _ in reads]),
        int8s([version for _, _, version in reads]),
        int4s([n for n, _ in sides]),
        array(JSONB, [_jsonb(side) for _, side in sides]),
    ]


def _jsonb(value: Mapping[str, Any]) -> bytes:
    return b"\x01" + json.dumps(value).encode()
