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
    Select,
    Table,
    Text,
    Uuid,
    and_,
    case,
    func,
    select,
    union_all,
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
        Column("version", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Index(f"{noun}_members_by_person", "person_id"),
    )


def offers_of(noun: str) -> Table:
    """To whom the ownership of a thing is offered at the moment."""
    return Table(
        f"{noun}_offers",
        metadata,
        Column(f"{noun}_id", Uuid, primary_key=True),
        Column("person_id", Uuid, nullable=False),
        Column("organization_id", Uuid, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Index(f"{noun}_offers_by_person", "person_id"),
    )


def views_of(members: Table, offers: Table, kind: type[Shared[Any]], topics: frozenset[str]) -> tuple[View, View]:
    """`topics` are those of this kind of thing."""
    return (
        View(members, partial(_keys, kind), _member, topics),
        View(offers, partial(_offer_keys, kind), _offer, topics),
    )


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
            return changed(row, role=role.value, version=recorded.event.originator_version)
        case Shared.OwnershipAccepted(previous=previous, previous_role=role) if key[1] == previous and role:
            return _begun(recorded, role)
    return None


def _begun(recorded: Recorded, role: Place) -> Row:
    return {
        "organization_id": recorded.envelope.organization,
        "role": role.value,
        "since": recorded.envelope.decided_at,
        "version": recorded.event.originator_version,
    }


def _offer_keys(kind: type[Shared[Any]], recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            kind.OwnershipOffered(originator_id=id)
            | kind.OwnershipDeclined(originator_id=id)
            | kind.OwnershipAccepted(originator_id=id)
            | kind.Deleted(originator_id=id)
        ):
            yield (id,)


def _offer(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Shared.OwnershipOffered(person_id=person_id, originator_version=version):
            organization_id = recorded.envelope.organization
            return {"person_id": person_id, "organization_id": organization_id, "version": version}
    return None


def list_held(
    tx: Connection, members: Table, offers: Table, organization_id: UUID, person_id: UUID, *, before: int
) -> list[tuple[UUID, int]]:
    """In which things the person has had a place, or been offered the ownership, since before that position.

    With the version of each in which it was given the last of them.
    """
    given = union_all(*(_given(table, organization_id, person_id, before) for table in (members, offers))).subquery()
    query = select(given.c.id, func.max(given.c.version)).group_by(given.c.id).order_by(given.c.id)
    return [(id, version) for id, version in tx.execute(query)]


def _given(table: Table, organization_id: UUID, person_id: UUID, before: int) -> Select[tuple[UUID, int]]:
    thing_id = next(iter(table.primary_key))
    since = table.c.organization_id == organization_id, table.c.position < before
    return select(thing_id.label("id"), table.c.version).where(table.c.person_id == person_id, *since)


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
    columns = [column for column in members.c if column.name not in ("organization_id", "version")]
    (id, _) = members.primary_key
    query = select(*columns, called.label("avatar_name"), kind_of.label("kind"))
    query = query.select_from(persons.outerjoin(service_accounts, account)).where(id == thing_id, called.is_not(None))
    return every(tx, query.order_by(members.c.since, members.c.person_id), kind)
