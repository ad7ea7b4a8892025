"""Registrations that wait for their address to be proven: sealed with a key of the person's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import ConnectionPool

from commands.ports import Registration
from infra.canonical import canonical
from infra.keys import Keyring, Sealed


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

    def unwritten(self, now: datetime, most: int) -> list[tuple[UUID, datetime, datetime]]:
        """Of those to whom no letter went yet: whose it is, when it was asked for, and until when it is good."""
        with self.pool.connection() as connection:
            return connection.execute(
                "SELECT person_id, asked_at, expires_at FROM secrets.registrations"
                " WHERE written_at IS NULL AND expires_at > %s ORDER BY asked_at LIMIT %s",
                (now, most),
            ).fetchall()

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
