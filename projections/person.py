"""Persons by themselves: in which organizations each is, who wants to go, who operates the platform."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from projections.membership import members, people


def organizations_of(tx: Connection, person_id: UUID) -> list[UUID]:
    """In which a person is a member, or waits."""
    there = members.c.person_id == person_id, members.c.ended_at.is_(None)
    return list(tx.execute(select(members.c.organization_id).where(*there)).scalars())


def erasures_due(tx: Connection, now: datetime) -> list[UUID]:
    """Who asked to be erased, and whose time to stay after all is over."""
    return list(tx.execute(select(people.c.id).where(people.c.erasure_due_at <= now)).scalars())


def list_operators(tx: Connection) -> list[dict[str, object]]:
    """Of the platform."""
    query = select(people.c.id, people.c.avatar_name, people.c.email).where(people.c.operator)
    return [dict(row) for row in tx.execute(query.order_by(people.c.registered_at)).mappings()]
