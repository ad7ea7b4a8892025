"""Who is named as somebody who could let others do what they may not yet: from the members of an organization."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from domain.roles import Role
from projections.membership import MemberRow, members, of_organization
from projections.paging import every


def list_persons(tx: Connection, organization_id: UUID, ids: Sequence[UUID]) -> list[MemberRow]:
    """Those of them who are members; whoever came first comes first."""
    query = of_organization(organization_id).where(members.c.person_id.in_(ids))
    return every(tx, query.order_by(members.c.first_position), MemberRow)


def list_granters(tx: Connection, organization_id: UUID, roles: Sequence[Role], limit: int) -> list[MemberRow]:
    """Members who have one of these roles; whoever came first comes first."""
    granting = members.c.role.in_([role.value for role in roles]), members.c.deactivated_at.is_(None)
    query = of_organization(organization_id).where(*granting)
    return every(tx, query.order_by(members.c.first_position).limit(limit), MemberRow)
