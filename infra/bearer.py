"""Secrets that are good for whoever holds them: of each, only a digest is kept."""

import hashlib


def digest(secret: str | bytes) -> bytes:
    """SHA-256 (FIPS 180-4): of secrets that are random and long, so that no slow hash is needed."""
    given = secret.encode(errors="surrogatepass") if isinstance(secret, str) else secret
    return hashlib.sha256(given).digest()
