"""The people of an organization as its admins look for them: by words, role and standing."""

from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Select, false, func, or_

from domain.roles import Role
from projections.membership import MemberRow, members, of_organization, people
from projections.paging import Page, first, newest
from projections.second_factor import second_factors

Status = Literal["active", "waiting", "deactivated"]


class UserRow(MemberRow):
    """`second_factor` says that one is on."""

    second_factor: bool


def _users(organization_id: UUID) -> Select[tuple[object, ...]]:
    is_on = func.coalesce(second_factors.c.is_on, false()).label("second_factor")
    query = of_organization(organization_id).add_columns(is_on)
    return query.outerjoin(second_factors, second_factors.c.person_id == members.c.person_id)


def find_user(tx: Connection, organization_id: UUID, person_id: UUID) -> UserRow | None:
    return first(tx, _users(organization_id).where(members.c.person_id == person_id), UserRow)


def list_users(
    tx: Connection,
    organization_id: UUID,
    *,
    words: str = "",
    role: Role | None = None,
    status: Status | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[UserRow]:
    """`words` are part of a name, an address or an avatar name."""
    query = _users(organization_id)
    if words:
        called = (people.c.full_name, people.c.email, people.c.avatar_name)
        query = query.where(or_(*(each.icontains(words, autoescape=True) for each in called)))
    if role is not None:
        query = query.where(members.c.role == role.value)
    match status:
        case "active":
            query = query.where(members.c.role.is_not(None), members.c.deactivated_at.is_(None))
        case "waiting":
            query = query.where(members.c.role.is_(None))
        case "deactivated":
            query = query.where(members.c.deactivated_at.is_not(None))
    return newest(tx, query, members.c.first_position, UserRow, after, limit)
