"""The tokens that the API signs: what a person carries for minutes, and what is good for one attempt at one job."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self
from uuid import UUID

import jwt
from uuid_utils.compat import uuid7

from commands.access import Caller
from domain.errors import Unauthenticated
from infra.signing_keys import SigningKey, SigningKeys

ALGORITHM: Final = "EdDSA"
ISSUER: Final = "vistory"
ACCESS_LIFE: Final = timedelta(minutes=15)
# A job's token is worth nothing once its attempt is over, whatever it says here.
JOB_LIFE: Final = timedelta(days=60)
REMEMBERED: Final = 10_000
# Between the password and the code of a second factor.
CHALLENGE_LIFE: Final = timedelta(minutes=5)
Audience = Literal["access", "job", "challenge"]


@dataclass(frozen=True)
class Tokens:
    keys: SigningKeys
    _read_before: dict[tuple[Audience, str], tuple[SigningKey, dict[str, Any]]] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def open(cls, file: Path) -> Self:
        """Raises where the file holds no key."""
        keys = SigningKeys(file)
        keys.look()
        return cls(keys)

    def access(self, caller: Caller, claims: Mapping[str, Any], now: datetime) -> str:
        """Of a person in a session; `claims` are for their owner to read, nothing is decided by them."""
        own = {"sub": str(caller.id), "organization_id": str(caller.organization_id), "sid": str(caller.session_id)}
        return self._sign("access", {**claims, **own}, now, ACCESS_LIFE)

    def job(self, worker_id: UUID, framework: str, job_id: UUID, attempt: int, now: datetime) -> str:
        claims = {"sub": str(worker_id), "framework": framework, "job": str(job_id), "attempt": attempt}
        return self._sign("job", claims, now, JOB_LIFE)

    def challenge(self, person_id: UUID, organization_id: UUID, password_version: int, now: datetime) -> str:
        """For who has shown the password of this version, and still has to show a second factor."""
        claims = {"sub": str(person_id), "organization_id": str(organization_id), "password_version": password_version}
        return self._sign("challenge", claims, now, CHALLENGE_LIFE)

    def challenged(self, token: str) -> tuple[UUID, UUID, int]:
        """The person, the organization and the version of the password that was shown. Raises Unauthenticated."""
        claims = self._read("challenge", token)
        return UUID(claims["sub"]), UUID(claims["organization_id"]), claims["password_version"]

    def person(self, token: str) -> Caller:
        claims = self._read("access", token)
        try:
            organization, session = UUID(claims["organization_id"]), UUID(claims["sid"])
            return Caller(kind="person", id=UUID(claims["sub"]), organization_id=organization, session_id=session)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unauthenticated("this token names no person in an organization and a session") from error

    def worker(self, token: str) -> Caller:
        claims = self._read("job", token)
        return Caller(
            kind="worker",
            id=UUID(claims["sub"]),
            framework=claims["framework"],
            job_id=UUID(claims["job"]),
            attempt=claims["attempt"],
        )

    def _sign(self, audience: Audience, claims: Mapping[str, Any], now: datetime, life: timedelta) -> str:
        frame = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + life, "jti": str(uuid7())}
        kid, key = self.keys.valid()[0]
        return jwt.encode({**claims, **frame}, key, algorithm=ALGORITHM, headers={"kid": kid})

    def _read(self, audience: Audience, token: str) -> dict[str, Any]:
        """A signature is checked once; whether the token has expired and its key is valid, each time."""
        key, claims = self._read_before.get((audience, token), (None, {}))
        if key not in self.keys.valid() or claims["exp"] <= time.time():
            key, claims = self._verified(audience, token)
            if len(self._read_before) >= REMEMBERED:
                self._read_before.clear()
            self._read_before[audience, token] = key, claims
        return claims

    def _verified(self, audience: Audience, token: str) -> tuple[SigningKey, dict[str, Any]]:
        try:
            key = self.keys.of(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthenticated("this token was signed with no key that is valid here; sign in again")
            return key, jwt.decode(
                token,
                key.key.public_key(),
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                # When it was signed says nothing of whether it is good, and another machine's clock may be ahead.
                options={"require": ["sub", "exp", "iat", "jti", "aud", "iss"], "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("this token has expired; sign in again") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("this is not a token that was given here") from error
