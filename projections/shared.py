"""Who is in a thing that people share: a table of members for each kind of thing, and the list of those still there."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Table,
    Text,
    Uuid,
    and_,
    case,
    func,
    select,
    union,
)

from domain.api_token import OwnerKind
from domain.model import Recorded
from domain.roles import Place
from domain.shared import Shared
from domain.values import Value
from projections import membership
from projections.folding import changed
from projections.membership import people
from projections.model import Key, Row, View, metadata
from projections.paging import every
from projections.service_account import service_accounts


class PlaceRow(Value):
    """Somebody in a thing beside its owner; a service account stands there under its name."""

    person_id: UUID
    kind: OwnerKind
    avatar_name: str
    since: datetime
    position: int


R = TypeVar("R", bound=PlaceRow)


def members_of(noun: str) -> Table:
    return Table(
        f"{noun}_members",
        metadata,
        Column(f"{noun}_id", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("organization_id", Uuid, nullable=False),
        Column("role", Text, nullable=False),
        Column("since", DateTime(timezone=True), nullable=False),
        Column("position", BigInteger, nullable=False),
        Index(f"{noun}_members_by_person", "person_id"),
    )


def view_of(members: Table, kind: type[Shared[Any]], topics: frozenset[str]) -> View:
    """`topics` are those of this kind of thing."""
    return View(members, partial(_keys, kind), _member, topics)


def _keys(kind: type[Shared[Any]], recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            kind.MemberAdded(originator_id=id, person_id=person_id)
            | kind.MemberRoleChanged(originator_id=id, person_id=person_id)
            | kind.MemberRemoved(originator_id=id, person_id=person_id)
        ):
            yield (id, person_id)
        case kind.OwnershipAccepted(originator_id=id, previous=previous, person_id=person_id):
            yield from ((id, previous), (id, person_id))


def _member(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Shared.MemberAdded(role=role):
            return _begun(recorded, role)
        case Shared.MemberRoleChanged(role=role):
            return changed(row, role=role.value)
        case Shared.OwnershipAccepted(previous=previous, previous_role=role) if key[1] == previous and role:
            return _begun(recorded, role)
    return None


def _begun(recorded: Recorded, role: Place) -> Row:
    organization_id = recorded.envelope.organization
    return {"organization_id": organization_id, "role": role.value, "since": recorded.envelope.decided_at}


def list_held(
    tx: Connection, members: Table, things: Table, organization_id: UUID, person_id: UUID, *, before: int
) -> list[UUID]:
    """In which things the person has had a place since before that position, or is offered the ownership."""
    (thing_id, _) = members.primary_key
    since = members.c.organization_id == organization_id, members.c.position < before
    placed = select(thing_id).where(members.c.person_id == person_id, *since)
    offered = select(things.c.id).where(things.c.organization_id == organization_id, things.c.offered_to == person_id)
    return list(tx.execute(union(placed, offered)).scalars())


def list_places(tx: Connection, members: Table, thing_id: UUID, kind: type[R]) -> list[R]:
    """Without whoever left the organization or was deleted there. Whoever came first comes first."""
    of_organization = membership.members
    still_there = and_(
        of_organization.c.organization_id == members.c.organization_id,
        of_organization.c.person_id == members.c.person_id,
        of_organization.c.ended_at.is_(None),
    )
    account = and_(service_accounts.c.id == members.c.person_id, service_accounts.c.deleted_at.is_(None))
    persons = members.outerjoin(of_organization, still_there).outerjoin(
        people, people.c.id == of_organization.c.person_id
    )
    called = func.coalesce(people.c.avatar_name, service_accounts.c.name)
    kind_of = case((people.c.id.is_not(None), OwnerKind.PERSON.value), else_=OwnerKind.SERVICE.value)
    columns = [column for column in members.c if column.name != "organization_id"]
    (id, _) = members.primary_key
    query = select(*columns, called.label("avatar_name"), kind_of.label("kind"))
    query = query.select_from(persons.outerjoin(service_accounts, account)).where(id == thing_id, called.is_not(None))
    return every(tx, query.order_by(members.c.since, members.c.person_id), kind)
