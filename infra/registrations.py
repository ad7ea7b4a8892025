"""Registrations that wait for their address to be proven: sealed with a key of the person's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from commands.ports import Registration
from infra.canonical import canonical
from infra.keys import Keyring, Sealed


class Newcomer(NamedTuple):
    """Whose registration it is, when it was asked for, and until when it is good."""

    person_id: UUID
    asked_at: datetime
    until: datetime


@dataclass(frozen=True)
class Registrations:
    """Reads those that wait; writes to them are side rows of an append."""

    pool: ConnectionPool
    keys: Keyring

    def find(self, person_id: UUID) -> Registration | None:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT key_version, nonce, sealed FROM secrets.registrations WHERE person_id = %s", (person_id,)
            ).fetchone()
        return opened(self.keys, person_id, Sealed(row[0], bytes(row[1]), bytes(row[2]))) if row else None

    def unwritten(self, now: datetime, most: int, but: Sequence[UUID] = ()) -> list[Newcomer]:
        """Some of those to whom no letter went yet, the oldest first."""
        which = "written_at IS NULL AND expires_at > %s AND person_id <> ALL(%s::uuid[]) ORDER BY asked_at LIMIT %s"
        return self._newcomers(which, now, list(but), most)

    def waiting(self, person_id: UUID, now: datetime) -> Newcomer | None:
        """Also one that was written to, as long as it is good."""
        return next(iter(self._newcomers("person_id = %s AND expires_at > %s", person_id, now)), None)

    def _newcomers(self, which: LiteralString, *values: Any) -> list[Newcomer]:
        query: LiteralString = "SELECT person_id, asked_at, expires_at AS until FROM secrets.registrations WHERE "
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Newcomer)) as cursor:
            return cursor.execute(query + which, values).fetchall()

    def note_written(self, person_id: UUID) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE secrets.registrations SET written_at = clock_timestamp() WHERE person_id = %s", (person_id,)
            )

    def expired(self, now: datetime, most: int) -> list[UUID]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT person_id FROM secrets.registrations WHERE expires_at <= %s LIMIT %s", (now, most)
            ).fetchall()
        return [person_id for (person_id,) in rows]


def dropped(connection: Connection) -> list[UUID]:
    """Whose registration was, and they are no persons."""
    return [id for (id,) in connection.execute("SELECT dropped FROM secrets.dropped_registrations")]


def held(keys: Keyring, registration: Registration, now: datetime, until: datetime) -> Mapping[str, Any]:
    person_id = registration.person_id
    sealed = keys.seal(person_id, canonical(registration.model_dump(mode="json")), _about(person_id))
    return {
        "kind": "registration",
        "person_id": str(person_id),
        "key_version": sealed.version,
        "nonce": sealed.nonce.hex(),
        "sealed": sealed.ciphertext.hex(),
        "asked_at": now.isoformat(),
        "expires_at": until.isoformat(),
    }


def over(person_id: UUID) -> Mapping[str, Any]:
    return {"kind": "registration_over", "person_id": str(person_id)}


def opened(keys: Keyring, person_id: UUID, sealed: Sealed) -> Registration | None:
    """None where its key is gone."""
    plain = keys.open(person_id, sealed, _about(person_id))
    return Registration.model_validate_json(plain) if plain else None


def _about(person_id: UUID) -> bytes:
    return b"vistory/registration/1" + person_id.bytes
