"""The rows of persons' keys, as a backup carries them: wrapped, and without a key for whoever was erased."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from pydantic import Base64Bytes, BaseModel, Field, ValidationError

from infra.keys import MasterKey

Row = dict[str, Any]
_BACK = (
    "INSERT INTO person_keys (subject, version, master, wrapped, erased_at)"
    " VALUES (%(subject)s, %(version)s, %(master)s, %(key)s, CASE WHEN %(key)s::bytea IS NULL THEN now() END)"
    " ON CONFLICT (subject, version) DO UPDATE SET wrapped = NULL, erased_at = now()"
    " WHERE excluded.wrapped IS NULL AND person_keys.wrapped IS NOT NULL"
)


class SavedKey(BaseModel):
    subject: UUID
    version: Annotated[int, Field(ge=1, lt=2**31)]
    master: str
    wrapped: Base64Bytes | None


class Backup(BaseModel):
    format: Literal[1]
    keys: list[SavedKey]


class Unfit(Exception):
    """These keys cannot be brought back here."""


def read(connection: psycopg.Connection) -> tuple[list[Row], datetime]:
    """All that were made until a moment by the database's clock, and that moment; who makes one waits meanwhile."""
    connection.execute("LOCK TABLE person_keys IN SHARE MODE")
    (moment,) = connection.execute("SELECT clock_timestamp()").fetchone() or ()
    rows = connection.execute("SELECT subject, version, master, wrapped FROM person_keys ORDER BY 1, 2")
    return [
        {
            "subject": str(subject),
            "version": version,
            "master": master,
            "wrapped": key and base64.b64encode(key).decode(),
        }
        for subject, version, master, key in rows
    ], moment


def parsed(content: bytes, master: str, key: bytes) -> list[Row]:
    """Every key was opened once: what cannot be used later is refused before anything is changed."""
    try:
        rows = Backup.model_validate_json(content).keys
    except ValidationError as error:
        raise Unfit("this file is not what `vistory keys backup` saved, or it is damaged") from error
    for row in rows:
        try:
            if row.wrapped is not None:
                MasterKey(master, key).unwrap(row.subject, row.version, row.wrapped)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be a key at all
            raise Unfit(f"the master key does not open the key of person {row.subject}") from error
    return [
        {"subject": str(row.subject), "version": row.version, "master": row.master, "key": row.wrapped} for row in rows
    ]


def without(rows: Sequence[Row], people: Sequence[UUID]) -> list[Row]:
    """Of whoever the ledger says is erased, no key."""
    gone = {str(person) for person in people}
    return [row | {"key": None} if row["subject"] in gone else row for row in rows]


def write(connection: psycopg.Connection, rows: Sequence[Row], alone: bool) -> int:
    """An erasure wins, on whichever side it is. `alone`: only where no key is held that another master wrapped."""
    held = {
        (str(subject), version): bytes(key)
        for subject, version, key in connection.execute(
            "SELECT subject, version, wrapped FROM person_keys WHERE wrapped IS NOT NULL"
        )
    }
    known = {(row["subject"], row["version"]): row["key"] for row in rows}
    if alone and any(known.get(place) != key for place, key in held.items()):
        raise Unfit("keys are in use here that another master key wrapped; they would be lost")
    connection.cursor().executemany(_BACK, rows)
    return sum(row["key"] is not None for row in rows)
