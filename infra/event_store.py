"""The ledger on PostgreSQL: the eventsourcing library's recorder, with one door of our own (migration 0001)."""

import os
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from infra.ledger import Append, Head, Row, Verdict
from infra.mapper import Stored

_APPEND = (
    "SELECT verdict, reached, chain, fingerprint, result FROM ledger.append("
    "%b::uuid[], %b::bytea[], %b::jsonb[],"
    " %b::int[], %b::uuid[], %b::bigint[], %b::text[], %b::bytea[],"
    " %b::int[], %b::uuid[], %b::bigint[], %b::int[], %b::jsonb[])"
)


class UnsafeSetting(RuntimeError):
    pass


class EventStore(PostgresApplicationRecorder):
    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS", "n").lower() in ("y", "yes", "t", "true", "on", "1"):
            raise UnsafeSetting(
                "POSTGRES_ENABLE_DB_FUNCTIONS is set: the library's SQL function takes no lock and readers lose "
                "events; unset it"
            )
        parts = conninfo_to_dict(url)
        datastore = PostgresDatastore(
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
        super().__init__(datastore, events_table_name="events")

    def create_table(self) -> None:
        """Nothing: `vistory migrate` makes the tables, as another role."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        raise NotImplementedError("the only door is append()")

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        events = [(n, event) for n, command in enumerate(commands, 1) for event in command.events]
        reads = [(n, *read) for n, command in enumerate(commands, 1) for read in command.reads]
        sides = [(n, Jsonb(side)) for n, command in enumerate(commands, 1) for side in command.sides]
        arguments = [
            [command.command_id for command in commands],
            [command.fingerprint for command in commands],
            [Jsonb(command.result) for command in commands],
            [n for n, _ in events],
            [event.originator_id for _, event in events],
            [event.originator_version for _, event in events],
            [event.topic for _, event in events],
            [event.state for _, event in events],
            *(list(column) for column in (zip(*reads, strict=True) if reads else ((), (), ()))),
            *(list(column) for column in (zip(*sides, strict=True) if sides else ((), ()))),
        ]
        with self.datastore.get_connection() as connection:
            rows = connection.execute(_APPEND, arguments, prepare=True).fetchall()
        return [Verdict(r["verdict"], r["reached"], r["chain"], r["fingerprint"], r["result"]) for r in rows]

    def events_of(self, id: UUID) -> list[Stored]:
        return [
            Stored(cast(UUID, e.originator_id), e.originator_version, e.topic, e.state) for e in self.select_events(id)
        ]

    def command(self, id: UUID) -> Verdict | None:
        with self.datastore.get_connection() as connection:
            row = connection.execute(
                "SELECT position, chain, fingerprint, result FROM ledger.commands WHERE id = %s", (id,), prepare=True
            ).fetchone()
        return Verdict("repeated", row["position"], row["chain"], row["fingerprint"], row["result"]) if row else None

    def read(self, after: int, limit: int) -> list[Row]:
        with self.datastore.get_connection() as connection:
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
        with self.datastore.get_connection() as connection:
            row = connection.execute("SELECT ledger, generation, position, chain FROM ledger.head").fetchone()
        assert row is not None, "`vistory migrate` gives the ledger its head"
        return Head(row["ledger"], row["generation"], row["position"], bytes(row["chain"]))

    def close(self) -> None:
        self.datastore.close()
