"""What may never be an event: addresses by HMAC, passwords by argon2id."""

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from commands.ports import Link, Purpose, Registration
from domain.person import Person
from domain.session import Means
from domain.values import Personal
from infra import api_tokens, invitation, links, registrations, second_factors
from infra.addresses import NORMALISATION, normalised
from infra.allowance import Gate
from infra.api_tokens import ApiTokens
from infra.common_passwords import refuse_common
from infra.invitation import Invitations
from infra.links import Links
from infra.registrations import Registrations
from infra.second_factors import SecondFactors
from infra.unit import Unit

# Each takes 64 MiB while it is made; those who wait hold a thread each, which others need.
HASHES_AT_ONCE: Final = 4
HASHES_WAITING: Final = 12
SAME_COMMAND: Final = 10.0
_SETS_A_PASSWORD: Final = [Person.Registered.TOPIC, Person.PasswordChanged.TOPIC]
# The hash, and where it was set, at one moment: of who has the address, else of the next account, to take as long.
_PASSWORD: Final = """
    SELECT digest, person_id, hash, coalesce((
        SELECT max(originator_version) FROM ledger.events e WHERE e.originator_id = person_id AND e.topic = ANY(%s)), 0)
    FROM secrets.email_index JOIN secrets.passwords USING (person_id) WHERE digest >= %s ORDER BY digest LIMIT 1
"""


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@cache
def _dummy_hash() -> str:
    """Checked where no account comes next either."""
    return _hasher().hash("no account has this password")


class Alive(NamedTuple):
    """A session that can go on."""

    id: UUID
    organization_id: UUID
    begun_at: datetime
    used_at: datetime


class Authenticated(NamedTuple):
    """Who has shown a password, and which: `password_version` is the place in their history where it was set."""

    person_id: UUID
    password_version: int


class Accounts:
    """Reads the secrets schema; writes to it are side rows of an append."""

    def __init__(self, pool: ConnectionPool, pepper: bytes) -> None:
        self._pool = pool
        self._pepper = pepper
        self._hashed: dict[bytes, tuple[float, str]] = {}
        self.invitations = Invitations(pool, self.digest)
        self.hashing = Gate(HASHES_AT_ONCE, HASHES_WAITING, "too many people sign in at this moment")

    def digest(self, email: str) -> bytes:
        return hmac.digest(self._pepper, f"email/{NORMALISATION}/{normalised(email)}".encode(), hashlib.sha256)

    def fingerprint(self, request: bytes) -> bytes:
        """An HMAC: a plain hash of a body that holds a password would be an oracle."""
        return hmac.digest(self._pepper, b"request/1/" + request, hashlib.sha256)

    def tag(self, token: bytes) -> bytes:
        """Tells a refresh token that was given here from one that somebody made up."""
        return hmac.digest(self._pepper, b"refresh/1/" + token, hashlib.sha256)[:16]

    def person_of(self, email: str) -> UUID | None:
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT person_id FROM secrets.email_index WHERE digest = %s", (self.digest(email),)
            ).fetchone()
        return row[0] if row else None

    def sessions_of(self, person_id: UUID) -> list[Alive]:
        """The one that was used last first."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Alive)) as cursor:
            return cursor.execute(
                "SELECT id, organization_id, begun_at, used_at FROM secrets.living_sessions"
                " WHERE person_id = %s ORDER BY used_at DESC, id DESC",
                (person_id,),
            ).fetchall()

    def has_avatar_name(self, name: str) -> bool:
        with self._pool.connection() as connection:
            query = "SELECT FROM ledger.avatar_names WHERE name = %s"
            return connection.execute(query, (name,)).fetchone() is not None

    def authenticate(self, email: str, password: str) -> Authenticated | None:
        """Who has this address and password; as slow for a wrong address as for a wrong password.

        Whoever calls holds `hashing`. A hash that is weaker than those of today gives way to one of today's.
        """
        digest = self.digest(email)
        with self._pool.connection() as connection:
            row = connection.execute(_PASSWORD, (_SETS_A_PASSWORD, digest)).fetchone()
        found, person_id, hash, version = row or (None, None, _dummy_hash(), 0)
        if found is None or bytes(found) != digest:
            _hasher().verify(password, hash)
            return None
        known, better = _hasher().verify_and_update(password, hash)
        if not known:
            return None
        if better is not None:
            self._rehash(person_id, hash, better)
        return Authenticated(UUID(str(person_id)), version)

    def hashed(self, person_id: UUID, password: str) -> str:
        """The same for a moment: a command that is decided anew makes no other, which would take all its time."""
        key, now = self.fingerprint(f"{person_id}\x00{password}".encode()), time.monotonic()
        self._hashed = {key: made for key, made in self._hashed.copy().items() if made[0] > now - SAME_COMMAND}
        found = self._hashed.get(key)
        if found is None:
            with self.hashing:
                found = self._hashed[key] = now, _hasher().hash(password)
        return found[1]

    def _rehash(self, person_id: UUID, hash: str, better: str) -> None:
        """Unless another password was set meanwhile. It is the same password, so nothing has happened."""
        with self._pool.connection() as connection:
            connection.execute("SELECT secrets.rehash_password(%s, %s, %s)", (person_id, hash, better))


class UnitSecrets:
    """The Secrets port of one command."""

    def __init__(
        self,
        accounts: Accounts,
        links: Links,
        tokens: ApiTokens,
        factors: SecondFactors,
        registrations: Registrations,
        unit: Unit,
    ) -> None:
        self._accounts = accounts
        self._links = links
        self._tokens = tokens
        self._factors = factors
        self._registrations = registrations
        self._unit = unit

    def person_of(self, email: str) -> UUID | None:
        return self._accounts.person_of(email)

    def claim_email(self, email: str, person_id: UUID) -> None:
        self._unit.sides.append(self._address("email", email, person_id))

    def move_email(self, email: str, person_id: UUID) -> None:
        self._unit.sides.append(self._address("email_moved", email, person_id))

    def has_avatar_name(self, name: str) -> bool:
        return self._accounts.has_avatar_name(name)

    def claim_avatar_name(self, name: str, person_id: UUID) -> None:
        self._unit.sides.append({"kind": "avatar_name", "name": name, "person_id": str(person_id)})

    def set_password(self, person_id: UUID, password: str, about: Iterable[Personal[str]]) -> None:
        refuse_common(password, about)
        hashed = self._accounts.hashed(person_id, password)
        self._unit.sides.append({"kind": "password", "person_id": str(person_id), "hash": hashed})

    def _address(self, kind: str, email: str, person_id: UUID) -> Mapping[str, Any]:
        digest = self._accounts.digest(email).hex()
        return {"kind": kind, "digest": digest, "normalisation": NORMALISATION, "person_id": str(person_id)}

    def hold_registration(self, registration: Registration, now: datetime, until: datetime) -> None:
        self._unit.sides.append(registrations.held(self._registrations.keys, registration, now, until))

    def registration(self, person_id: UUID) -> Registration | None:
        return self._registrations.find(person_id)

    def end_registration(self, person_id: UUID) -> None:
        self._unit.sides.append(registrations.over(person_id))

    def open_link(self, purpose: Purpose, subject: UUID, number: int, now: datetime, until: datetime) -> None:
        self._unit.sides.append(links.opened(self._links.key, purpose, subject, number, now, until))

    def link(self, purpose: Purpose, token: str) -> Link | None:
        return self._links.find(purpose, token)

    def use_link(self, token: str) -> None:
        self._unit.sides.append(links.used(token))

    def close_links(self, purpose: Purpose, subject: UUID) -> None:
        self._unit.sides.append(links.closed(purpose, subject))

    def open_invitation(
        self, invitation_id: UUID, email: str, target_id: UUID, organization_id: UUID, inviter_id: UUID, until: datetime
    ) -> None:
        given = invitation_id, email, target_id, organization_id, inviter_id, until
        self._unit.sides.append(self._accounts.invitations.opened(*given))

    def extend_invitation(self, invitation_id: UUID, until: datetime) -> None:
        self._unit.sides.append(invitation.extended(invitation_id, until))

    def close_invitation(self, invitation_id: UUID) -> None:
        self._unit.sides.append(invitation.closed(invitation_id))

    def invitation_to(self, target_id: UUID, email: str) -> UUID | None:
        return self._accounts.invitations.to(target_id, email)

    def invitations_to(self, person_id: UUID) -> Sequence[UUID]:
        return self._accounts.invitations.to_person(person_id)

    def invitations_by(self, person_id: UUID) -> Sequence[UUID]:
        return self._accounts.invitations.by(person_id)

    def invitations_into(self, target_id: UUID) -> Sequence[UUID]:
        return self._accounts.invitations.into(target_id)

    def addresses_invited(self, organization_id: UUID, beside: str) -> int:
        return self._accounts.invitations.addresses(organization_id, beside)

    def forget(self, person_id: UUID) -> None:
        self._unit.sides.append({"kind": "forget", "person_id": str(person_id)})

    def sessions_of(self, person_id: UUID) -> Sequence[UUID]:
        return [each.id for each in self._accounts.sessions_of(person_id)]

    def every_session_of(self, person_id: UUID) -> Sequence[UUID]:
        ids = self.sessions_of(person_id)
        self._unit.sides.append({"kind": "sessions_listed", "person_id": str(person_id), "ids": [*map(str, ids)]})
        return ids

    def begin_session(self, id: UUID, person_id: UUID, organization_id: UUID, refresh: str) -> None:
        who = {"person_id": str(person_id), "organization_id": str(organization_id)}
        self._unit.sides.append({"kind": "session", "id": str(id), **who, "refresh": refresh})

    def move_session(self, id: UUID, organization_id: UUID) -> None:
        self._unit.sides.append({"kind": "session_moved", "id": str(id), "organization_id": str(organization_id)})

    def end_session(self, id: UUID) -> None:
        self._unit.sides.append({"kind": "session_ended", "id": str(id)})

    def open_api_token(
        self, digest: str, token_id: UUID, organization_id: UUID, owner_id: UUID, until: datetime
    ) -> None:
        self._unit.sides.append(api_tokens.opened(digest, token_id, organization_id, owner_id, until))

    def close_api_token(self, token_id: UUID) -> None:
        self._unit.sides.append(api_tokens.closed(token_id))

    def api_tokens_of(self, organization_id: UUID | None, owner_id: UUID) -> Sequence[UUID]:
        return self._tokens.of(organization_id, owner_id)

    def every_api_token_of(self, organization_id: UUID | None, owner_id: UUID) -> Sequence[UUID]:
        ids = self.api_tokens_of(organization_id, owner_id)
        self._unit.sides.append(api_tokens.listed(organization_id, owner_id, ids))
        return ids

    def offer_second_factor(self, person_id: UUID, until: datetime) -> None:
        self._unit.sides.append(self._factors.offer(person_id, until))

    def confirm_second_factor(self, person_id: UUID, code: str, now: datetime) -> bool:
        used = self._factors.confirm(person_id, code, now)
        self._unit.sides += [used] if used else []
        return used is not None

    def use_code(self, person_id: UUID, code: str, now: datetime) -> Means | None:
        means, used = self._factors.use(person_id, code, now)
        self._unit.sides += [used] if used else []
        return means

    def keep_recovery_codes(self, person_id: UUID, codes: Sequence[str]) -> None:
        self._unit.sides.append(self._factors.recovery(person_id, codes))

    def drop_second_factor(self, person_id: UUID) -> None:
        self._unit.sides.append(second_factors.dropped(person_id))
