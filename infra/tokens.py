"""The tokens that the API signs: what a person carries for an hour, and what is good for one attempt at one job."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from uuid_utils.compat import uuid7

from commands.access import Caller
from domain.errors import Unauthenticated
from infra.config import private

ALGORITHM: Final = "EdDSA"
ISSUER: Final = "vistory"
ACCESS_LIFE: Final = timedelta(hours=1)
# A job's token is worth nothing once its attempt is over, whatever it says here.
JOB_LIFE: Final = timedelta(days=60)
REMEMBERED: Final = 10_000
Audience = Literal["access", "job"]


@dataclass(frozen=True)
class Tokens:
    key: Ed25519PrivateKey
    _read_before: dict[tuple[Audience, str], dict[str, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, file: Path) -> Self:
        """The key is a PEM file, or 32 bytes: a seed."""
        data = private(file).read_bytes()
        if len(data) == 32:
            return cls(Ed25519PrivateKey.from_private_bytes(data))
        key = load_pem_private_key(data, None)
        assert isinstance(key, Ed25519PrivateKey), f"{file} holds no Ed25519 key"
        return cls(key)

    def access(self, person_id: UUID, organization_id: UUID, claims: Mapping[str, Any], now: datetime) -> str:
        """`claims` are for their owner to read; nothing is decided by them."""
        own = {"sub": str(person_id), "organization_id": str(organization_id)}
        return self._sign("access", {**claims, **own}, now, ACCESS_LIFE)

    def job(self, worker_id: UUID, framework: str, job_id: UUID, attempt: int, now: datetime) -> str:
        claims = {"sub": str(worker_id), "framework": framework, "job": str(job_id), "attempt": attempt}
        return self._sign("job", claims, now, JOB_LIFE)

    def person(self, token: str) -> Caller:
        claims = self._read("access", token)
        try:
            return Caller(kind="person", id=UUID(claims["sub"]), organization_id=UUID(claims["organization_id"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unauthenticated("this token names no person in an organization") from error

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
        return jwt.encode({**claims, **frame}, self.key, algorithm=ALGORITHM)

    def _read(self, audience: Audience, token: str) -> dict[str, Any]:
        """A signature is checked once; whether the token has expired, each time."""
        claims = self._read_before.get((audience, token))
        if claims is None or claims["exp"] <= time.time():
            claims = self._verified(audience, token)
            if len(self._read_before) >= REMEMBERED:
                self._read_before.clear()
            self._read_before[audience, token] = claims
        return claims

    def _verified(self, audience: Audience, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self.key.public_key(),
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                options={"require": ["sub", "exp", "iat", "jti", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("this token has expired; sign in again") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("this is not a token that was given here") from error
