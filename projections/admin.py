"""The people of an organization as its admins look for them: by words, role and standing."""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, false, func, or_, select

from domain.roles import Role
from projections.membership import CALLED, MemberRow, members, of_organization, people
from projections.paging import LARGEST_PAGE, Page, first, newest
from projections.second_factor import second_factors

LOOKED_THROUGH: Final = 2_000
Status = Literal["active", "waiting", "deactivated"]


class UserRow(MemberRow):
    """`second_factor` says that one is on."""

    second_factor: bool


def _users(organization_id: UUID) -> Select[tuple[object, ...]]:
    is_on = func.coalesce(second_factors.c.is_on, false()).label("second_factor")
    query = of_organization(organization_id).add_columns(is_on)
    return query.outerjoin(second_factors, second_factors.c.person_id == members.c.person_id)


def _called(words: str) -> ColumnElement[bool]:
    return or_(*(people.c[each].icontains(words, autoescape=True) for each in CALLED))


def _among_the_newest(
    tx: Connection, query: Select[tuple[object, ...]], words: str, after: int | None, limit: int
) -> Sequence[int]:
    """Where those stand who are called so, of the newest alone: what many are called would have everybody sorted."""
    at = members.c.first_position
    some = query.with_only_columns(at, _called(words).label("so")).order_by(at.desc()).limit(LOOKED_THROUGH)
    looked_through = (some if after is None else some.where(at < after)).subquery()
    place = looked_through.c.first_position
    found = select(place).where(looked_through.c.so).order_by(place.desc()).limit(limit + 1)
    return tx.execute(found).scalars().all()


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
    query, limit = _users(organization_id), max(1, min(limit, LARGEST_PAGE))
    if role is not None:
        query = query.where(members.c.role == role.value)
    match status:
        case "active":
            query = query.where(members.c.role.is_not(None), members.c.deactivated_at.is_(None))
        case "waiting":
            query = query.where(members.c.role.is_(None))
        case "deactivated":
            query = query.where(members.c.deactivated_at.is_not(None))
    if words:
        at = members.c.first_position
        among = _among_the_newest(tx, query, words, after, limit)
        query = query.where(at.in_(among) if len(among) > limit else _called(words))
    return newest(tx, query, members.c.first_position, UserRow, after, limit)
