"""One-use links: a token is made again from what it is for, whenever it has to be sent; only its digest is kept."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import ConnectionPool

from commands.ports import Link, Purpose
from infra.bearer import digest


def token(key: bytes, purpose: Purpose, subject: UUID, number: int) -> str:
    """The same for the same, and for nobody without the key."""
    made = hmac.digest(key, f"link/1/{purpose}/{subject}/{number}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


@dataclass(frozen=True)
class Links:
    """Reads what links there are; writes to them are side rows of an append."""

    pool: ConnectionPool
    key: bytes

    def token(self, purpose: Purpose, subject: UUID, number: int) -> str:
        return token(self.key, purpose, subject, number)

    def find(self, purpose: Purpose, token: str) -> Link | None:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT subject, expires_at FROM secrets.links WHERE digest = %s AND purpose = %s",
                (digest(token), purpose),
            ).fetchone()
        return Link(subject=row[0], expires_at=row[1]) if row else None


def opened(
    key: bytes, purpose: Purpose, subject: UUID, number: int, now: datetime, until: datetime
) -> Mapping[str, Any]:
    return {
        "kind": "link",
        "digest": digest(token(key, purpose, subject, number)).hex(),
        "purpose": purpose,
        "subject": str(subject),
        "opened_at": now.isoformat(),
        "expires_at": until.isoformat(),
    }


def used(token: str) -> Mapping[str, Any]:
    return {"kind": "link_used", "digest": digest(token).hex()}


def closed(purpose: Purpose, subject: UUID) -> Mapping[str, Any]:
    return {"kind": "links_closed", "purpose": purpose, "subject": str(subject)}
