"""Second factors: time-based codes (RFC 6238, as every authenticator app makes them), and recovery codes.

The secret is sealed with the key of its person: it goes with that key when the person is erased, and is under another
master key as soon as that key is. Of recovery codes an HMAC is kept.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.session import Means
from infra.keys import Keyring, Sealed

ISSUER: Final = "Vistory"
DIGITS: Final = 6
SECONDS: Final = 30
# Clocks differ: a code of the step before or after is good, too.
DRIFT: Final = 1
SECRET_BYTES: Final = 20
RECOVERY_CODES: Final = 10
# Without those that are taken for one another; three times four of them are 59 bits.
LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"


class Factor(NamedTuple):
    """As it is kept."""

    key_version: int
    nonce: bytes
    ciphertext: bytes
    offered_until: datetime | None
    last_step: int


class Offered(NamedTuple):
    """For its owner's eyes, once; `secret` is in base32, as people type it."""

    secret: str
    uri: str
    until: datetime


def new_recovery_codes() -> tuple[str, ...]:
    def group() -> str:
        return "".join(secrets.choice(LETTERS) for _ in range(4))

    return tuple(f"{group()}-{group()}-{group()}" for _ in range(RECOVERY_CODES))


def code_at(secret: bytes, step: int) -> bytes:
    return _totp(secret).generate(step * SECONDS)


def step_of(secret: bytes, code: str, now: datetime, last: int) -> int | None:
    """Which step a code is of, among those later than the last that was used; every one of them is compared."""
    here, found = int(now.timestamp()) // SECONDS, None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step), code.encode(errors="replace")) and step > last:
            found = step
    return found


def looks_like(code: str) -> Means:
    """What somebody meant a code to be that is none."""
    meant = plain(code)
    return Means.TOTP if len(meant) == DIGITS and meant.isdecimal() else Means.RECOVERY_CODE


def plain(code: str) -> str:
    """However it was typed."""
    return "".join(letter for letter in code.casefold() if letter.isalnum())


def used(person_id: UUID, nonce: bytes, step: int) -> Mapping[str, Any]:
    return {"kind": "second_factor_used", "person_id": str(person_id), "nonce": nonce.hex(), "step": step}


def recovery_used(person_id: UUID, digest: bytes) -> Mapping[str, Any]:
    return {"kind": "recovery_code_used", "person_id": str(person_id), "digest": digest.hex()}


def dropped(person_id: UUID) -> Mapping[str, Any]:
    return {"kind": "second_factor_dropped", "person_id": str(person_id)}


@dataclass(frozen=True)
class SecondFactors:
    """Reads them; what changes them are side rows of an append."""

    pool: ConnectionPool
    ledger: UUID
    keys: Keyring
    pepper: bytes

    def offer(self, person_id: UUID, until: datetime) -> Mapping[str, Any]:
        sealed = self.keys.seal(person_id, os.urandom(SECRET_BYTES), self._about(person_id))
        kept = {"key_version": sealed.version, "nonce": sealed.nonce.hex(), "ciphertext": sealed.ciphertext.hex()}
        return {"kind": "second_factor_offered", "person_id": str(person_id), "until": until.isoformat(), **kept}

    def offered(self, person_id: UUID, email: str) -> Offered | None:
        """None where there is none, or it was confirmed already."""
        factor = self._find(person_id)
        if factor is None or factor.offered_until is None:
            return None
        secret = self._open(person_id, factor)
        if secret is None:
            return None
        uri = _totp(secret).get_provisioning_uri(email, ISSUER)
        return Offered(base64.b32encode(secret).decode(), uri, factor.offered_until)

    def confirm(self, person_id: UUID, code: str, now: datetime) -> Mapping[str, Any] | None:
        factor = self._find(person_id)
        if factor is None or factor.offered_until is None or factor.offered_until <= now:
            return None
        return self._use(person_id, factor, code, now)

    def use(self, person_id: UUID, code: str, now: datetime) -> tuple[Means | None, Mapping[str, Any] | None]:
        """What the code is, and what uses it up."""
        factor = self._find(person_id)
        if factor is None or factor.offered_until is not None:
            return None, None
        if row := self._use(person_id, factor, code, now):
            return Means.TOTP, row
        given = self._digest(person_id, code)
        matching = [digest for digest in self._digests(person_id) if hmac.compare_digest(digest, given)]
        return (Means.RECOVERY_CODE, recovery_used(person_id, given)) if matching else (None, None)

    def recovery(self, person_id: UUID, codes: Sequence[str]) -> Mapping[str, Any]:
        digests = [self._digest(person_id, code).hex() for code in codes]
        return {"kind": "recovery_codes", "person_id": str(person_id), "digests": digests}

    def recovery_codes_left(self, person_id: UUID) -> int:
        return len(self._digests(person_id))

    def is_kept(self, person_id: UUID, recovery_code: str) -> bool:
        return self._digest(person_id, recovery_code) in self._digests(person_id)

    def _use(self, person_id: UUID, factor: Factor, code: str, now: datetime) -> Mapping[str, Any] | None:
        secret = self._open(person_id, factor)
        step = step_of(secret, plain(code), now, factor.last_step) if secret else None
        return used(person_id, factor.nonce, step) if step else None

    def _find(self, person_id: UUID) -> Factor | None:
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Factor)) as cursor:
            return cursor.execute(
                "SELECT key_version, nonce, ciphertext, offered_until, last_step FROM secrets.second_factors"
                " WHERE person_id = %s",
                (person_id,),
            ).fetchone()

    def _digests(self, person_id: UUID) -> list[bytes]:
        with self.pool.connection() as connection:
            rows = connection.execute("SELECT digest FROM secrets.recovery_codes WHERE person_id = %s", (person_id,))
            return [bytes(digest) for (digest,) in rows]

    def _open(self, person_id: UUID, factor: Factor) -> bytes | None:
        """None where the key is gone: recovery codes are good without it."""
        return self.keys.open(person_id, Sealed(*factor[:3]), self._about(person_id))

    def _about(self, person_id: UUID) -> bytes:
        return b"vistory/second-factor/1" + self.ledger.bytes + person_id.bytes

    def _digest(self, person_id: UUID, code: str) -> bytes:
        return hmac.digest(self.pepper, f"recovery/1/{person_id}/{plain(code)}".encode(), hashlib.sha256)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), SECONDS)
