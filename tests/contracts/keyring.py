"""The keyring of the stored examples: keys and nonces follow from what they are for, so the same bytes come again."""

import hashlib
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.keys import NONCE_BYTES, Sealed

LEDGER: Final = UUID("0198c0de-0000-7000-8000-000000000001")


def key_of(subject: UUID) -> bytes:
    return hashlib.sha256(b"vistory/example-key/1" + subject.bytes).digest()


class ExampleKeys:
    def seal(self, subject: UUID, plaintext: bytes, about: bytes) -> Sealed:
        nonce = hashlib.sha256(about).digest()[:NONCE_BYTES]
        return Sealed(1, nonce, AESGCM(key_of(subject)).encrypt(nonce, plaintext, about))

    def open(self, subject: UUID, sealed: Sealed, about: bytes) -> bytes | None:
        return AESGCM(key_of(subject)).decrypt(sealed.nonce, sealed.ciphertext, about)

    def erase(self, subject: UUID) -> None:
        raise NotImplementedError("nobody in the examples is ever erased")
