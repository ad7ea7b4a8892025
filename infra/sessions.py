"""Refresh tokens: each is used once and gives way to the next; whoever uses an old one ends the session.

A token is the session's id, 256 random bits, and a tag by which we know that it was given here. Of the bits a SHA-256
is kept, of the good token and of the one before; older ones need not be kept, as the tag tells them from what somebody
made up. So guessing ends nobody's session, and a session takes one row however often it goes on.

An honest client may use one token twice at once: two pages that wake together, or an answer that was lost. For a
moment (30 seconds, in migration 0006) the second use gets the very token that the first one got, which was kept
sealed, under a key that only the token before has. So there is never more than one good token. A thief who is as quick
holds the same one as the honest client, and whoever of the two uses it later than a moment after the other uses an old
one: to stay unseen, the thief would have to know each time when the honest client has just gone on.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, NamedTuple, Self
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import ConnectionPool

from domain.errors import Unauthenticated
from infra.bearer import digest
from infra.secrets import Accounts

SECRET_BYTES: Final = 32
TAG_BYTES: Final = 16
# A key that seals one thing, once.
_NONCE: Final = bytes(12)


class Refreshed(NamedTuple):
    """What a good refresh token leads to."""

    session_id: UUID
    person_id: UUID
    organization_id: UUID
    token: str


class OldToken(Unauthenticated):
    """This token was used before, and gave way to another then."""

    def __init__(self, session_id: UUID) -> None:
        super().__init__("this refresh token was used before, so its session has ended; sign in again")
        self.session_id = session_id


class NotGivenHere(Unauthenticated):
    """Somebody made this refresh token up."""


class RefreshToken(NamedTuple):
    session_id: UUID
    secret: bytes

    @classmethod
    def fresh(cls, session_id: UUID) -> Self:
        return cls(session_id, secrets.token_bytes(SECRET_BYTES))

    @property
    def digest(self) -> bytes:
        return digest(self.secret)

    @property
    def bare(self) -> bytes:
        return self.session_id.bytes + self.secret

    def seal(self, next: "RefreshToken") -> bytes:
        return self._cipher().encrypt(_NONCE, next.secret, self.session_id.bytes)

    def unseal(self, held: bytes) -> "RefreshToken":
        return RefreshToken(self.session_id, self._cipher().decrypt(_NONCE, held, self.session_id.bytes))

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, b"refresh/successor/1", hashlib.sha256))


@dataclass(frozen=True)
class Sessions:
    pool: ConnectionPool
    accounts: Accounts

    def written(self, token: RefreshToken) -> str:
        return base64.urlsafe_b64encode(token.bare + self.accounts.tag(token.bare)).decode()

    def read(self, text: str) -> RefreshToken:
        """Raises NotGivenHere."""
        try:
            given = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            given = b""
        bare, tag = given[:-TAG_BYTES], given[-TAG_BYTES:]
        if len(bare) != 16 + SECRET_BYTES or not hmac.compare_digest(tag, self.accounts.tag(bare)):
            raise NotGivenHere("this is no refresh token that was given here")
        return RefreshToken(UUID(bytes=bare[:16]), bare[16:])

    def rotate(self, text: str) -> Refreshed:
        """Raises Unauthenticated, and OldToken where the session has to end."""
        token = self.read(text)
        next = RefreshToken.fresh(token.session_id)
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT verdict, person_id, organization_id, held FROM secrets.rotate_session(%s, %s, %s, %s)",
                (token.session_id, token.digest, next.digest, token.seal(next)),
            ).fetchone()
        assert row is not None, "a function that always answers"
        verdict, person_id, organization_id, held = row
        if verdict == "over":
            raise Unauthenticated("this session has ended; sign in again")
        if verdict == "reused":
            raise OldToken(token.session_id)
        if verdict == "repeated":
            next = token.unseal(held)
        return Refreshed(token.session_id, person_id, organization_id, self.written(next))
