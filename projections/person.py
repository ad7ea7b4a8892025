"""Persons by themselves: in which organizations each is, who works in one, who wants to go, who operates all."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from domain.roles import Role
from domain.values import Value
from projections.closure import closures
from projections.membership import members, organizations, people
from projections.paging import every


class OwnOrganization(Value):
    """One that a person has a role in; one with `closed_at` is closed, and open to nobody but its admins."""

    id: UUID
    name: str
    company: str
    division: str
    role: Role
    closed_at: datetime | None


def own_organizations(tx: Connection, person_id: UUID) -> list[OwnOrganization]:
    """Those that a person can go over to, in the order of their names: where one waits is not among them."""
    there = members.join(organizations, organizations.c.id == members.c.organization_id)
    named = organizations.c.id, organizations.c.name, organizations.c.company, organizations.c.division
    query = select(*named, members.c.role, closures.c.closed_at).select_from(
        there.outerjoin(closures, closures.c.organization_id == organizations.c.id)
    )
    let_in = members.c.role.is_not(None), members.c.deactivated_at.is_(None), members.c.ended_at.is_(None)
    query = query.where(members.c.person_id == person_id, *let_in, closures.c.purged_at.is_(None))
    return every(tx, query.order_by(organizations.c.name, organizations.c.id), OwnOrganization)


def at_work_in(tx: Connection, organization_id: UUID) -> list[UUID]:
    """Whoever is let in there while it is open; who came first comes first."""
    let_in = members.c.role.is_not(None), members.c.deactivated_at.is_(None)
    query = select(members.c.person_id).where(members.c.organization_id == organization_id, *let_in)
    return list(tx.execute(query.order_by(members.c.first_position)).scalars())


def erasures_due(tx: Connection, now: datetime) -> list[UUID]:
    """Who asked to be erased, and whose time to stay after all is over."""
    return list(tx.execute(select(people.c.id).where(people.c.erasure_due_at <= now)).scalars())


def list_operators(tx: Connection) -> list[dict[str, object]]:
    """Of the platform."""
    query = select(people.c.id, people.c.avatar_name, people.c.email).where(people.c.operator)
    return [dict(row) for row in tx.execute(query.order_by(people.c.registered_at)).mappings()]
