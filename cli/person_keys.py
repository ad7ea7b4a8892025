"""The rows of persons' keys, as a backup carries them: wrapped, and without a key for whoever was erased."""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from infra.keys import MasterKey

Row = dict[str, Any]
_BACK = (
    "INSERT INTO person_keys (subject, version, master, wrapped, erased_at)"
    " VALUES (%(subject)s, %(version)s, %(master)s, %(key)s, CASE WHEN %(key)s::bytea IS NULL THEN now() END)"
    " ON CONFLICT (subject, version) DO UPDATE SET wrapped = NULL, erased_at = now()"
    " WHERE excluded.wrapped IS NULL AND person_keys.wrapped IS NOT NULL"
)


def _decoded(text: Any) -> bytes | None:
    """Raises ValueError where a letter does not belong: what is passed over there is a damaged key."""
    return None if text is None else base64.b64decode(str(text), validate=True)


class SavedKey(BaseModel):
    subject: UUID
    version: Annotated[int, Field(ge=1, lt=2**31)]
    master: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    wrapped: Annotated[bytes | None, BeforeValidator(_decoded)]


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


def parsed(content: bytes, master: MasterKey) -> list[Row]:
    """Every key was opened once: what cannot be used later is refused before anything is changed."""
    try:
        rows = Backup.model_validate_json(content).keys
    except ValidationError as error:
        raise Unfit("this file is not what a backup of the keys saved, or it is damaged") from error
    prove(master, ((row.subject, row.version, row.wrapped) for row in rows))
    return [
        {"subject": str(row.subject), "version": row.version, "master": row.master, "key": row.wrapped} for row in rows
    ]


def prove(master: MasterKey, keys: Iterable[tuple[UUID, int, bytes | None]]) -> None:
    """Raises Unfit unless the master key opens each that is there."""
    for subject, version, wrapped in keys:
        try:
            if wrapped is not None:
                master.unwrap(subject, version, wrapped)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be a key at all
            raise Unfit(f"the master key does not open the key of person {subject}") from error


def without(rows: Sequence[Row], people: Sequence[UUID]) -> list[Row]:
    """Of whoever the ledger says is erased, no key."""
    gone = {str(person) for person in people}
    return [row | {"key": None} if row["subject"] in gone else row for row in rows]


def write(connection: psycopg.Connection, rows: Sequence[Row], master: MasterKey | None) -> int:
    """How many came back; an erasure wins, on whichever side it is.

    A `master` that is to take its place here is proven first, by the keys that are held and those that come back.
    """
    held = connection.execute("SELECT subject, version, wrapped FROM person_keys").fetchall()
    if master is not None:
        _must_fit(master, held, rows)
    known = {(str(subject), version) for subject, version, _ in held}
    connection.cursor().executemany(_BACK, rows)
    return sum(row["key"] is not None and (row["subject"], row["version"]) not in known for row in rows)


def _must_fit(master: MasterKey, held: Sequence[tuple[UUID, int, bytes | None]], rows: Sequence[Row]) -> None:
    try:
        prove(master, held)
    except Unfit as error:
        raise Unfit("keys are in use here that another master key wrapped; they would be lost") from error
    if not any(wrapped for _, _, wrapped in held) and not any(row["key"] for row in rows):
        raise Unfit("there is no key that this master key could be proven by; nothing is brought back")
