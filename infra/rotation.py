"""Wraps every person's key anew under another master key: with the one before, backups of keys are worth nothing.

The new one waits beside the old one until the keys are wrapped with it; whoever finds both asks a key which it is.
"""

import os
from pathlib import Path
from typing import Final

import psycopg
from cryptography.exceptions import InvalidTag

from infra.config import private
from infra.embedded.passwords import write_private
from infra.keys import MasterKey

_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
_KEYS: Final = "SELECT subject, version, master, wrapped FROM person_keys WHERE wrapped IS NOT NULL"
_WRAP: Final = "UPDATE person_keys SET master = %s, wrapped = %s WHERE subject = %s AND version = %s"


class KeysAreInUse(Exception):
    """A process that holds the old master key would wrap new keys with it."""

    exit_code = 75  # EX_TEMPFAIL


def rotate(keys_url: str, file: Path) -> int:
    """Returns how many keys are wrapped anew. Raises KeysAreInUse."""
    with psycopg.connect(keys_url) as connection:
        connection.execute("LOCK TABLE person_keys IN EXCLUSIVE MODE")
        ((others,),) = connection.execute(_OTHERS).fetchall()
        if others:
            raise KeysAreInUse(f"{others} others are connected to the keys: stop the platform first")
        old = settled(connection, file)
        new = MasterKey(file.stem, os.urandom(32))
        write_private(beside(file), new.key)
        rows = connection.execute(_KEYS).fetchall()
        for subject, version, master, wrapped in rows:
            key = MasterKey(master, old.key).unwrap(subject, version, bytes(wrapped))
            connection.execute(_WRAP, (new.id, new.wrap(subject, version, key), subject, version))
    beside(file).replace(file)
    return len(rows)


def settled(connection: psycopg.Connection, file: Path) -> MasterKey:
    """The one that opens the keys; where a rotation was cut off, only that one is left."""
    if beside(file).exists():
        if opens(connection, MasterKey(file.stem, private(beside(file)).read_bytes())):
            beside(file).replace(file)
        else:
            beside(file).unlink()
    return MasterKey(file.stem, private(file).read_bytes())


def beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.next")


def opens(connection: psycopg.Connection, key: MasterKey) -> bool:
    """Whether one of the keys that are held is wrapped with it."""
    row = connection.execute(f"{_KEYS} LIMIT 1").fetchone()
    try:
        return row is not None and bool(MasterKey(row[2], key.key).unwrap(row[0], row[1], bytes(row[3])))
    except InvalidTag:
        return False
