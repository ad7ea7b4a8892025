"""API tokens: how one is made and recognised, whom it names, and when it was last used.

`vst_`, eight letters by which people know it, 256 random bits, and a checksum: a program that looks for secrets in
texts can tell one from anything else, and what cannot be one is refused without asking the database.
"""

import re
import secrets
import string
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from commands.access import Caller
from domain.api_token import ApiToken
from domain.errors import Unauthenticated
from domain.model import SYSTEM
from infra.bearer import digest
from infra.known import Known
from infra.ledger import Ledger
from infra.mapper import Mapper
from infra.unit import Errand, Unit

SIGN: Final = "vst_"
LETTERS: Final = string.digits + string.ascii_letters
FORM: Final = re.compile(r"(vst_[0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
NOTED_EVERY: Final = 60.0
REMEMBERED: Final = 10_000
_PLATFORM: Final = Caller(kind="system", id=SYSTEM)
# Nobody waits for the disk to know of a use.
_FIND_AND_NOTE_USE: Final = """
    WITH found AS (SELECT token_id, subject, expires_at FROM secrets.api_tokens WHERE digest = %(digest)s), used AS (
        INSERT INTO secrets.api_token_uses AS u (token_id, used_at, subject)
        SELECT token_id, %(now)s, subject FROM found, set_config('synchronous_commit', 'off', true)
        WHERE %(note)s AND expires_at > %(now)s
        ON CONFLICT (token_id) DO UPDATE SET used_at = excluded.used_at
        WHERE u.used_at <= excluded.used_at - interval '1 minute'
    ) SELECT token_id FROM found
"""


class Minted(NamedTuple):
    token: str
    prefix: str
    digest: str


def mint() -> Minted:
    prefix = SIGN + "".join(secrets.choice(LETTERS) for _ in range(8))
    body = f"{prefix}_{_in_letters(secrets.randbits(256), 43)}"
    token = body + _checksum(body)
    return Minted(token, prefix, digest(token).hex())


def is_one(token: str) -> bool:
    """Meant as an API token, well formed or not."""
    return token.startswith(SIGN)


def is_whole(token: str) -> bool:
    found = FORM.fullmatch(token)
    return found is not None and _checksum(token[:-6]) == found[3]


def _checksum(body: str) -> str:
    return _in_letters(zlib.crc32(body.encode()), 6)


def _in_letters(number: int, length: int) -> str:
    letters = ""
    for _ in range(length):
        number, rest = divmod(number, len(LETTERS))
        letters = LETTERS[rest] + letters
    return letters


def opened(digest: str, token_id: UUID, organization_id: UUID, owner_id: UUID, until: datetime) -> Mapping[str, Any]:
    named = {"token_id": token_id, "organization_id": organization_id, "subject": owner_id}
    given = {name: str(id) for name, id in named.items()}
    return {"kind": "api_token", "digest": digest, "expires_at": until.isoformat(), **given}


def closed(token_id: UUID) -> Mapping[str, Any]:
    return {"kind": "api_token_closed", "token_id": str(token_id)}


def listed(organization_id: UUID | None, owner_id: UUID, token_ids: Iterable[UUID]) -> Mapping[str, Any]:
    at = None if organization_id is None else str(organization_id)
    ids = [str(id) for id in token_ids]
    return {"kind": "api_tokens_listed", "organization_id": at, "subject": str(owner_id), "ids": ids}


@dataclass(frozen=True)
class ApiTokens:
    """Reads which tokens are good; what opens and closes them are side rows of an append."""

    pool: ConnectionPool
    ledger: Ledger
    mapper: Mapper
    known: Known
    _noted: dict[bytes, float] = field(default_factory=dict, repr=False)

    def carried(self, token: str) -> ApiToken:
        """That which this text is, and which is in use now. Raises Unauthenticated."""
        return self.still(self._find(token))

    def still(self, token_id: UUID | None) -> ApiToken:
        """As the ledger has it at this moment. Raises Unauthenticated for one that is not good, or not any more."""
        now = datetime.now(UTC)
        found = self._token(token_id, now) if token_id else None
        if found is None or found.over:
            raise Unauthenticated("this is no API token that was given here, or it was revoked")
        if now >= found.expires_at:
            raise Unauthenticated("this API token has expired; its owner can make another one")
        return found

    @staticmethod
    def bearer(token: ApiToken) -> Caller:
        """Its owner, within its scopes."""
        return Caller(
            kind=token.owner_kind.value,
            id=token.owner_id,
            organization_id=token.organization_id,
            token_id=token.id,
            scopes=token.scopes,
        )

    def of(self, organization_id: UUID | None, owner_id: UUID) -> list[UUID]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT token_id FROM secrets.api_tokens"
                " WHERE subject = %s AND organization_id = coalesce(%s, organization_id)",
                (owner_id, organization_id),
            ).fetchall()
        return [id for (id,) in rows]

    def expired(self, most: int) -> list[UUID]:
        """Those that nobody has noted yet, the oldest first."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT token_id FROM secrets.api_tokens WHERE expires_at <= now() ORDER BY expires_at LIMIT %s",
                (most,),
            ).fetchall()
        return [id for (id,) in rows]

    def last_uses(self, token_ids: Iterable[UUID]) -> dict[UUID, datetime]:
        """To the minute; nothing of those that were never used."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT token_id, used_at FROM secrets.api_token_uses WHERE token_id = ANY(%s)", (list(token_ids),)
            ).fetchall()
        return dict(rows)

    def _find(self, token: str) -> UUID | None:
        """With its use noted, where that is due."""
        if not is_whole(token):
            return None
        which = digest(token)
        asked = {"digest": which, "note": self._is_due(which), "now": datetime.now(UTC)}
        with self.pool.connection() as connection:
            row = connection.execute(_FIND_AND_NOTE_USE, asked).fetchone()
        if row is None:
            return None
        if asked["note"]:
            self._remember(which)
        token_id: UUID = row[0]
        return token_id

    def _token(self, id: UUID, now: datetime) -> ApiToken | None:
        return Unit(self.ledger, self.mapper, Errand(_PLATFORM, now, uuid7()), known=self.known).find(ApiToken, id)

    def _is_due(self, which: bytes) -> bool:
        return self._noted.get(which, -NOTED_EVERY) <= time.monotonic() - NOTED_EVERY

    def _remember(self, which: bytes) -> None:
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[which] = time.monotonic()
