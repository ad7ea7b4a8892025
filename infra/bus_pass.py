"""What the bus asks about a stranger who knocks, and the signed answer: NATS calls it authorization callout.

Keys are told as NATS writes them: a letter for what the key is of, the 32 bytes of an Ed25519 public key and a CRC-16,
in base 32 (https://github.com/nats-io/nkeys). Requests and answers are JWTs of claims of its own
(https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_callout).
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from uuid_utils.compat import uuid7

ALGORITHM: Final = "ed25519-nkey"
_OF_AN_ACCOUNT: Final = 0
_UNBOUNDED: Final = {"subs": -1, "data": -1, "payload": -1}


@dataclass(frozen=True)
class Knock:
    """Who wants in at which server, and with which password."""

    server: str
    user: str
    password: str

    @classmethod
    def of(cls, request: bytes) -> Self:
        """Nobody but the server writes where this comes from. Raises ValueError for what is no request."""
        try:
            asked = jwt.decode(request, options={"verify_signature": False})["nats"]
            return cls(asked["server_id"]["id"], asked["user_nkey"], str(asked["connect_opts"].get("pass", "")))
        except (jwt.PyJWTError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no request for authorization") from error


class Issuer:
    """Who signs what the bus believes of strangers."""

    def __init__(self, seed: bytes) -> None:
        """`seed` is 32 bytes that nobody else knows."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._jws = jwt.PyJWS()
        self._jws.register_algorithm(ALGORITHM, OKPAlgorithm())
        self.name = named(_OF_AN_ACCOUNT, self._key.public_key().public_bytes_raw())

    @classmethod
    def of(cls, password: str) -> Self:
        """Of whoever is asked at the door: what it signs with is made from its password, which nobody else knows."""
        return cls(hmac.digest(password.encode(), b"who may enter the bus", "sha256"))

    def let_in(
        self,
        knock: Knock,
        account: str,
        name: str,
        publish: Sequence[str],
        subscribe: Sequence[str],
        now: datetime,
        until: datetime,
    ) -> bytes:
        """Into an account, under a name, for these subjects; the server itself ends the connection at `until`."""
        may = {"pub": {"allow": list(publish)}, "sub": {"allow": list(subscribe)}}
        user = {"aud": account, "name": name, "exp": int(until.timestamp()), "nats": self._of("user", may | _UNBOUNDED)}
        signed = self._sign(user | {"sub": knock.user}, now)
        return self._answer(knock, {"jwt": signed.decode()}, now)

    def turn_away(self, knock: Knock, why: str, now: datetime) -> bytes:
        """The server writes into its log why, and tells the stranger that it may not."""
        return self._answer(knock, {"error": why}, now)

    def _answer(self, knock: Knock, said: dict[str, Any], now: datetime) -> bytes:
        claims = {"sub": knock.user, "aud": knock.server, "nats": self._of("authorization_response", said)}
        return self._sign(claims, now)

    def _of(self, kind: str, said: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, "version": 2, **said}

    def _sign(self, claims: dict[str, Any], now: datetime) -> bytes:
        frame = {"iss": self.name, "iat": int(now.timestamp()), "jti": str(uuid7())}
        text = json.dumps({**claims, **frame}).encode()
        return self._jws.encode(text, self._key, algorithm=ALGORITHM, headers={"typ": "JWT"}).encode()


def named(prefix: int, public: bytes) -> str:
    body = bytes([prefix]) + public
    checked = body + binascii.crc_hqx(body, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")
