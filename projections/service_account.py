"""The service accounts of an organization: what they are called, and as what they act."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Select, Table, Text, Uuid, select

from domain.model import Recorded
from domain.roles import Role
from domain.service_account import ServiceAccount
from domain.values import Value
from projections import topics
from projections.folding import changed
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, first, newest

service_accounts: Final = Table(
    "service_accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
    Column("subscribed_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("service_accounts_by_organization", "organization_id", "first_position"),
)


class ServiceAccountRow(Value):
    id: UUID
    organization_id: UUID
    name: str
    role: Role
    created_at: datetime
    created_by: UUID
    disabled_at: datetime | None
    subscribed_at: datetime | None
    first_position: int
    position: int


def _keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in topics.SERVICE_ACCOUNT:
        yield (recorded.event.originator_id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case ServiceAccount.Created() as event:
            return {
                "organization_id": event.organization_id,
                "name": event.name,
                "role": event.role.value,
                "created_at": recorded.envelope.decided_at,
                "created_by": recorded.envelope.actor.id,
                "disabled_at": None,
                "subscribed_at": None,
                "deleted_at": None,
                "first_position": recorded.position,
            }
    return changed(row, **_changes(recorded))


def _changes(recorded: Recorded) -> dict[str, Any]:
    at = recorded.envelope.decided_at
    match recorded.event:
        case ServiceAccount.Renamed(name=name):
            return {"name": name}
        case ServiceAccount.RoleChanged(role=role):
            return {"role": role.value}
        case ServiceAccount.Disabled():
            return {"disabled_at": at}
        case ServiceAccount.Enabled():
            return {"disabled_at": None}
        case ServiceAccount.Subscribed():
            return {"subscribed_at": at}
        case ServiceAccount.Unsubscribed():
            return {"subscribed_at": None}
        case ServiceAccount.Deleted():
            return {"deleted_at": at}
    return {}


PROJECTION: Final = Projection(
    "service_account",
    (View(service_accounts, _keys, _fold, topics.SERVICE_ACCOUNT),),
)


def list_service_accounts(
    tx: Connection, organization_id: UUID, *, after: int | None = None, limit: int = 50
) -> Page[ServiceAccountRow]:
    """Those that were not deleted."""
    query = _there(organization_id)
    return newest(tx, query, service_accounts.c.first_position, ServiceAccountRow, after, limit)


def find_service_account(tx: Connection, organization_id: UUID, id: UUID) -> ServiceAccountRow | None:
    return first(tx, _there(organization_id).where(service_accounts.c.id == id), ServiceAccountRow)


def _there(organization_id: UUID) -> Select[tuple[object, ...]]:
    columns = [column for column in service_accounts.c if column.name != "deleted_at"]
    there = service_accounts.c.organization_id == organization_id, service_accounts.c.deleted_at.is_(None)
    return select(*columns).where(*there)
