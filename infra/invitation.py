"""Which addresses are invited to what, known by HMAC; and which invitations are over."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg_pool import ConnectionPool

AT_ONCE: Final = 100
_OVER: Final = """
    SELECT originator_id FROM ledger.events
    WHERE topic IN ('invitation.accepted', 'invitation.declined', 'invitation.expired', 'invitation.cancelled')
"""


@dataclass(frozen=True)
class Invitations:
    """Reads which are pending; what opens and closes them are side rows of an append."""

    pool: ConnectionPool
    digest: Callable[[str], bytes]

    def opened(
        self, invitation_id: UUID, email: str, target_id: UUID, organization_id: UUID, inviter_id: UUID, until: datetime
    ) -> Mapping[str, Any]:
        ids = {"target_id": target_id, "organization_id": organization_id, "inviter_id": inviter_id}
        named = {name: str(id) for name, id in ids.items()} | _about(invitation_id)
        return {"kind": "invitation", "digest": self.digest(email).hex(), "expires_at": until.isoformat(), **named}

    def to(self, target_id: UUID, email: str) -> UUID | None:
        found = self._ids("target_id = %s AND digest = %s", target_id, self.digest(email))
        return found[0] if found else None

    def to_person(self, person_id: UUID) -> list[UUID]:
        return self._ids("digest IN (SELECT e.digest FROM secrets.email_index e WHERE person_id = %s)", person_id)

    def by(self, person_id: UUID) -> list[UUID]:
        return self._ids("digest IS NOT NULL AND inviter_id = %s", person_id)

    def into(self, target_id: UUID) -> list[UUID]:
        return self._ids("digest IS NOT NULL AND target_id = %s", target_id)

    def addresses(self, organization_id: UUID, beside: str) -> int:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT count(DISTINCT digest) FROM secrets.invitations WHERE organization_id = %s AND digest <> %s",
                (organization_id, self.digest(beside)),
            ).fetchone()
        return int(row[0]) if row else 0

    def expired(self) -> list[UUID]:
        """Some of those that nobody has noted yet, the oldest first."""
        return self._ids("digest IS NOT NULL AND expires_at <= now() ORDER BY expires_at LIMIT %s", AT_ONCE)

    def over(self) -> list[UUID]:
        """Some of those whose key is not known to be destroyed yet."""
        return self._ids("digest IS NULL LIMIT %s", AT_ONCE)

    def inviters(self, invitation_ids: list[UUID]) -> list[UUID]:
        """Of those that are not settled yet."""
        query = "SELECT DISTINCT inviter_id FROM secrets.invitations WHERE invitation_id = ANY(%s)"
        with self.pool.connection() as connection:
            return [id for (id,) in connection.execute(query, (invitation_ids,))]

    def settle(self, invitation_ids: Iterable[UUID]) -> None:
        """Their keys are destroyed."""
        settled = "SELECT secrets.forget_invitation(id) FROM unnest(%s::uuid[]) id"
        with self.pool.connection() as connection:
            connection.execute(settled, (list(invitation_ids),))

    def _ids(self, where: str, *values: Any) -> list[UUID]:
        with self.pool.connection() as connection:
            query = f"SELECT invitation_id FROM secrets.invitations WHERE {where}".encode()
            return [id for (id,) in connection.execute(query, values)]


def over(connection: psycopg.Connection) -> list[UUID]:
    """By the ledger that this connection leads to."""
    return [id for (id,) in connection.execute(_OVER)]


def extended(invitation_id: UUID, until: datetime) -> Mapping[str, Any]:
    return {"kind": "invitation_extended", "expires_at": until.isoformat(), **_about(invitation_id)}


def closed(invitation_id: UUID) -> Mapping[str, Any]:
    return {"kind": "invitation_closed", **_about(invitation_id)}


def _about(invitation_id: UUID) -> dict[str, str]:
    return {"invitation_id": str(invitation_id)}
