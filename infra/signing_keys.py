"""The keys that tokens are signed with: the newest signs; it and the one before verify.

The newest is in the file that the setting names, the one before beside it. Whoever holds them looks now and then if
they were rotated, so nothing is started anew for it.
"""

import base64
import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from infra.config import private

LOOKED_AT_EVERY: Final = 1.0


class SigningKey(NamedTuple):
    kid: str
    key: Ed25519PrivateKey

    @classmethod
    def of(cls, key: Ed25519PrivateKey) -> Self:
        """Its id is the thumbprint of RFC 7638."""
        words = f'{{"crv":"Ed25519","kty":"OKP","x":"{_public(key)}"}}'
        return cls(_word(hashlib.sha256(words.encode()).digest()), key)

    @classmethod
    def read(cls, file: Path) -> Self:
        """A PEM file, or 32 bytes: a seed."""
        data = private(file).read_bytes()
        if len(data) == 32:
            return cls.of(Ed25519PrivateKey.from_private_bytes(data))
        key = load_pem_private_key(data, None)
        assert isinstance(key, Ed25519PrivateKey), f"{file} holds no Ed25519 key"
        return cls.of(key)

    def jwk(self) -> dict[str, str]:
        """What others need to verify a token."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _public(self.key),
            "kid": self.kid,
            "use": "sig",
            "alg": "EdDSA",
        }


@dataclass
class SigningKeys:
    file: Path
    _known: tuple[SigningKey, ...] = ()
    _read: tuple[tuple[int, int] | None, ...] = ()
    _looked: float = field(default=float("-inf"))

    def valid(self) -> tuple[SigningKey, ...]:
        """The newest first."""
        if time.monotonic() - self._looked > LOOKED_AT_EVERY:
            self.look()
        return self._known

    def of(self, kid: object) -> SigningKey | None:
        """One that is unknown may be a second old."""
        return self._find(kid, self.valid()) or self._find(kid, self.look())

    def look(self) -> tuple[SigningKey, ...]:
        files = (self.file, before(self.file))
        standing = tuple(_standing(file) for file in files)
        if standing != self._read:
            keys = [SigningKey.read(file) for file, there in zip(files, standing, strict=True) if there]
            self._known = tuple({key.kid: key for key in keys}.values())
            self._read = standing
        self._looked = time.monotonic()
        return self._known

    def _find(self, kid: object, keys: tuple[SigningKey, ...]) -> SigningKey | None:
        return next((key for key in keys if key.kid == kid), None)


def before(file: Path) -> Path:
    """Where the key is that was the newest until the last rotation."""
    return file.with_name(f"{file.name}.before")


def rotate(file: Path, leaked: bool = False) -> SigningKey:
    """A new key, and the one until now beside it; a leaked one is nowhere any more."""
    from infra.embedded.passwords import write_private

    if leaked:
        before(file).unlink(missing_ok=True)
    else:
        write_private(before(file), private(file).read_bytes())
    write_private(file, os.urandom(32))
    return SigningKey.read(file)


def _standing(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def _public(key: Ed25519PrivateKey) -> str:
    return _word(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
