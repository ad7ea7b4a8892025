"""Password sign-ins that were good a moment ago: a page of many parts is not worth one slow hash for each part."""

import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from infra.secrets import Accounts

REMEMBERED_SECONDS: Final = 60.0
MOST: Final = 1_000


@dataclass
class SignIns:
    """By an HMAC of address and password; neither is kept."""

    accounts: Accounts
    _known: dict[bytes, tuple[float, UUID]] = field(default_factory=dict)

    def person(self, email: str, password: str) -> UUID | None:
        key = self.accounts.fingerprint(f"sign-in\x00{email}\x00{password}".encode())
        until, known = self._known.get(key, (0.0, None))
        if until > time.monotonic():
            return known
        person_id = self.accounts.authenticate(email, password)
        if person_id is not None:
            self._keep(key, person_id)
        return person_id

    def _keep(self, key: bytes, person_id: UUID) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + REMEMBERED_SECONDS, person_id)
