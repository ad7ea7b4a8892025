"""The API tokens of an organization: whose they are, what they are for, and until when."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB

from domain.api_token import ApiToken, OwnerKind
from domain.model import Recorded
from domain.roles import Scope
from domain.values import Value
from projections.folding import changed, plain
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, newest
from projections.topics import API_TOKEN

tokens: Final = Table(
    "api_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("scopes", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_by", Uuid),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("api_tokens_by_organization", "organization_id", "first_position"),
    Index("api_tokens_by_owner", "owner_id", "first_position"),
)


class TokenRow(Value):
    """`prefix` is how the token begins; the rest of it is known to whoever keeps it, and nowhere else."""

    id: UUID
    organization_id: UUID
    owner_kind: OwnerKind
    owner_id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: UUID
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: UUID | None
    first_position: int
    position: int


def _keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in API_TOKEN:
        yield (recorded.event.originator_id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    who, at = recorded.envelope.actor.id, recorded.envelope.decided_at
    match recorded.event:
        case ApiToken.Created() as event:
            return {
                "organization_id": event.organization_id,
                "owner_kind": event.owner_kind.value,
                "owner_id": event.owner_id,
                "name": event.name,
                "prefix": event.prefix,
                "scopes": plain(event.scopes),
                "created_at": at,
                "created_by": who,
                "expires_at": event.expires_at,
                "revoked_at": None,
                "revoked_by": None,
                "first_position": recorded.position,
            }
        case ApiToken.Revoked():
            return changed(row, revoked_at=at, revoked_by=who)
        case ApiToken.Expired():
            return changed(row)
    return row


PROJECTION: Final = Projection(
    "api_token",
    (View(tokens, _keys, _fold, API_TOKEN),),
)


def list_tokens(
    tx: Connection, organization_id: UUID, *, owner_id: UUID | None, after: int | None = None, limit: int = 50
) -> Page[TokenRow]:
    """Of one owner, or of everybody in the organization."""
    query = select(tokens).where(tokens.c.organization_id == organization_id)
    if owner_id is not None:
        query = query.where(tokens.c.owner_id == owner_id)
    return newest(tx, query, tokens.c.first_position, TokenRow, after, limit)


def owners_of_tokens(tx: Connection, organization_id: UUID, owner_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Token → owner, of all tokens that these owners ever had there."""
    theirs = tokens.c.organization_id == organization_id, tokens.c.owner_id.in_(list(owner_ids))
    return {id: owner for id, owner in tx.execute(select(tokens.c.id, tokens.c.owner_id).where(*theirs))}
