"""Person keys: one AES-256-GCM key per person, wrapped by a master key, destroyed to erase."""

import os
import time
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import ConnectionPool

NONCE_BYTES: Final = 12
MASTER_BYTES: Final = 32
KEPT_SECONDS: Final = 30.0
ERASED: Final = "person_erased"
"""The channel on which every process hears whose key was destroyed."""


class Sealed(NamedTuple):
    version: int
    nonce: bytes
    ciphertext: bytes


class Keyring(Protocol):
    """Seals and opens what is personal."""

    def seal(self, subject: UUID, plaintext: bytes, about: bytes) -> Sealed:
        """Never fails for an erased person; what it returns can then never be opened."""
        ...

    def open(self, subject: UUID, sealed: Sealed, about: bytes) -> bytes | None:
        """None when the person was erased. Raises cryptography's InvalidTag on tampered bytes."""
        ...

    def erase(self, subject: UUID) -> None:
        """Destroy the person's key, for good."""
        ...


class MasterKey(NamedTuple):
    id: str
    key: bytes

    def wrap(self, subject: UUID, version: int, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, key, self._about(subject, version))

    def unwrap(self, subject: UUID, version: int, wrapped: bytes) -> bytes:
        nonce, ciphertext = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        return AESGCM(self.key).decrypt(nonce, ciphertext, self._about(subject, version))

    def _about(self, subject: UUID, version: int) -> bytes:
        return b"vistory/person-key/1" + self.id.encode() + subject.bytes + version.to_bytes(4, "big")


class PersonKeys:
    """The keyring on a database of its own, so that no backup of the ledger ever holds a key."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master
        self._kept: dict[tuple[UUID, int], tuple[float, AESGCM]] = {}
        self._remembers = False
        self._dropped = 0

    def seal(self, subject: UUID, plaintext: bytes, about: bytes) -> Sealed:
        """About an erased person nothing is kept: the key is thrown away at once."""
        cipher = self._cipher(subject, 1) or self._mint(subject) or AESGCM(AESGCM.generate_key(256))
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(1, nonce, cipher.encrypt(nonce, plaintext, about))

    def open(self, subject: UUID, sealed: Sealed, about: bytes) -> bytes | None:
        cipher = self._cipher(subject, sealed.version)
        return cipher.decrypt(sealed.nonce, sealed.ciphertext, about) if cipher else None

    def erase(self, subject: UUID) -> None:
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO person_keys (subject, version, master, erased_at) VALUES (%s, 1, %s, now())"
                " ON CONFLICT (subject, version) DO UPDATE SET wrapped = NULL, erased_at = now()"
                " WHERE person_keys.wrapped IS NOT NULL",
                (subject, self._master.id),
            )
            connection.execute("SELECT pg_notify(%s, %s)", (ERASED, str(subject)))
        self.drop(subject)

    def kept_of(self, subjects: Sequence[UUID]) -> list[UUID]:
        """Those of them who have a key."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT subject FROM person_keys WHERE wrapped IS NOT NULL AND subject = ANY(%s)",
                (list(subjects),),
            )
            return [subject for (subject,) in rows]

    def remember(self) -> None:
        """From now on `drop` is told of whoever is erased, wherever that is done."""
        self._remembers = True

    @property
    def remembered(self) -> int:
        return len(self._kept)

    def drop(self, subject: UUID) -> None:
        self._dropped += 1
        self._kept = {kept: value for kept, value in self._kept.items() if kept[0] != subject}

    def forget_all(self) -> None:
        self._remembers = False
        self._dropped += 1
        self._kept = {}

    def _cipher(self, subject: UUID, version: int) -> AESGCM | None:
        kept = self._kept.get((subject, version))
        if kept and kept[0] > time.monotonic():
            return kept[1]
        dropped = self._dropped
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT wrapped FROM person_keys WHERE subject = %s AND version = %s", (subject, version)
            ).fetchone()
        if row is None or row[0] is None:
            return None
        cipher = AESGCM(self._master.unwrap(subject, version, row[0]))
        if self._remembers and dropped == self._dropped:
            self._keep(subject, version, cipher)
        return cipher

    def _mint(self, subject: UUID) -> AESGCM | None:
        """A first key; None where the person was erased."""
        key = AESGCM.generate_key(256)
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO person_keys (subject, version, master, wrapped) VALUES (%s, 1, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (subject, self._master.id, self._master.wrap(subject, 1, key)),
            )
        return self._cipher(subject, 1)

    def _keep(self, subject: UUID, version: int, cipher: AESGCM) -> None:
        if len(self._kept) >= 10_000:
            self._kept = {}
        self._kept[subject, version] = (time.monotonic() + KEPT_SECONDS, cipher)
