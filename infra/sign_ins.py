"""Signing in by password: at a pace that makes guessing hopeless, and remembered for a moment.

A page of many parts sends the password with each of them, and is not worth one slow hash for each.
"""

import time
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from infra.allowance import Allowance, household
from infra.delays import Act, Delays
from infra.secrets import Accounts, Authenticated
from infra.security import SecurityEventKind, SecurityLog

REMEMBERED_SECONDS: Final = 60.0
MOST: Final = 1_000
TRIES_OF_A_CLIENT_PER_SECOND: Final = 10.0


@dataclass
class SignIns:
    """By an HMAC of address and password; neither is kept. What is remembered may be of a password of before."""

    accounts: Accounts
    delays: Delays
    security: SecurityLog
    tries: Allowance
    _known: dict[bytes, tuple[float, Authenticated]] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: Accounts, delays: Delays, security: SecurityLog, per_second: float) -> Self:
        """As many as an account may ask for requests at most; 0 is no limit at all."""
        return cls(accounts, delays, security, Allowance(min(TRIES_OF_A_CLIENT_PER_SECOND, per_second)))

    def remembered(self, email: str, password: str, client: str) -> Authenticated | None:
        """Who it is, and at no cost for what was good a moment ago."""
        key = self.accounts.fingerprint(f"sign-in\x00{email}\x00{password}".encode())
        if (known := self._remembered(key)) is not None:
            return known
        digest = self._may_try(email, client)
        with self.accounts.hashing:
            # Another part of the same page may have been answered while this one waited.
            found = self._remembered(key) or self._tried(email, password, client, digest)
        if found is not None:
            self._keep(key, found)
        return found

    def authenticated(self, email: str, password: str, client: str) -> Authenticated | None:
        """Raises TooManyRequests, also for the right password: an answer would tell that it is."""
        digest = self._may_try(email, client)
        with self.accounts.hashing:
            return self._tried(email, password, client, digest)

    def proven(self, person_id: UUID, email: str, client: str) -> None:
        """By other means, for another password than the one that was good a moment ago."""
        self.delays.forgive(Act.SIGN_IN, client, self.accounts.digest(email), person_id)
        known = self._known.copy()
        self._known = {key: kept for key, kept in known.items() if kept[1].person_id != person_id}

    def note_failure(self, email: str, client: str) -> None:
        """Once it was answered, so that no clock tells whether somebody has the address."""
        self.security.note(SecurityEventKind.SIGN_IN_FAILED, client, person_id=self.accounts.person_of(email))

    def _may_try(self, email: str, client: str) -> bytes:
        """Before anybody waits for a hash: who is refused costs no thread."""
        digest = self.accounts.digest(email)
        self.delays.look(Act.SIGN_IN, client, digest)
        self.tries.take(household(client))
        return digest

    def _tried(self, email: str, password: str, client: str, digest: bytes) -> Authenticated | None:
        self.delays.take(Act.SIGN_IN, client, digest)
        found = self.accounts.authenticate(email, password)
        if found is not None:
            self.delays.forgive(Act.SIGN_IN, client, digest, found.person_id)
        return found

    def _remembered(self, key: bytes) -> Authenticated | None:
        until, known = self._known.get(key, (0.0, None))
        return known if until > time.monotonic() else None

    def _keep(self, key: bytes, found: Authenticated) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + REMEMBERED_SECONDS, found)
