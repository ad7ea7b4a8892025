"""Memberships over HTTP: who belongs to the organization, and letting somebody in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection

from api import errors
from api.edge import Body, CommandReceipt, PersonDesk
from api.reading import After, Colleague, Limit, reads
from commands.membership import ApproveMember
from domain.roles import Role
from projections import membership
from projections.membership import MemberRow, list_members
from projections.paging import Page

router = APIRouter(tags=["members"])
Reading = Annotated[Connection, reads(membership.PROJECTION)]


class MemberApproval(Body):
    role: Role = Role.GUEST


@router.get("/members", summary="List the members of your organization", responses=errors.responses(401, 403, 422, 503))
def index(
    colleague: Colleague, tx: Reading, waiting: bool | None = None, after: After = None, limit: Limit = 50
) -> Page[MemberRow]:
    return list_members(tx, colleague.organization_id, waiting=waiting, after=after, limit=limit)


@router.post(
    "/members/{id}/approve",
    summary="Approve a request to join your organization",
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def approve(id: UUID, desk: PersonDesk, body: MemberApproval | None = None) -> CommandReceipt:
    """Whoever is given no role is a guest."""
    return CommandReceipt(id=desk(ApproveMember(membership_id=id, **dict(body or MemberApproval()))).id)
