"""Administration of an organization's people over HTTP: find them, change a role, shut out, let back in, send away."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api import errors
from api.edge import Body, CommandReceipt, Empty, PersonDesk
from api.reading import After, Known, Limit, may, reads
from api.user import NewFullName
from commands.membership import ChangeRole, DeactivateMember, ReactivateMember, RemoveMember, RenameMember
from commands.second_factor import ResetSecondFactor
from domain.errors import NotFound
from domain.membership import membership_id
from domain.roles import Permission, Role
from projections import membership
from projections.admin import Status, UserRow, find_user, list_users
from projections.paging import Page

router = APIRouter(prefix="/admin/users", tags=["administration"])
Reading = Annotated[Connection, reads(membership.PROJECTION)]
Admin = Annotated[Known, Depends(may(Permission.MANAGE_MEMBERS))]
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)
Words = Annotated[str, Query(max_length=200, description="Part of a name, an address or an avatar name")]


class NewMemberRole(Body):
    role: Role


@router.get("", summary="List the users of your organization", responses=errors.responses(401, 403, 422, 503))
def index(
    admin: Admin,
    tx: Reading,
    q: Words = "",
    role: Role | None = None,
    status: Status | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[UserRow]:
    of = admin.organization_id
    return list_users(tx, of, words=q, role=role, status=status, after=after, limit=limit)


@router.get(
    "/{person_id}", summary="Get a user of your organization", responses=errors.responses(401, 403, 404, 422, 503)
)
def show(person_id: UUID, admin: Admin, tx: Reading) -> UserRow:
    if row := find_user(tx, admin.organization_id, person_id):
        return row
    raise NotFound(f"there is no user {person_id}")


@router.patch("/{person_id}", summary="Change a user's full name", responses=COMMAND)
def update(person_id: UUID, body: NewFullName, desk: PersonDesk) -> CommandReceipt:
    """Of those who registered in this organization."""
    return CommandReceipt(id=desk(RenameMember(membership_id=_member(desk, person_id), full_name=body.full_name)).id)


@router.patch("/{person_id}/role", summary="Change a user's role in your organization", responses=COMMAND)
def change_role(person_id: UUID, body: NewMemberRole, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(ChangeRole(membership_id=_member(desk, person_id), role=body.role)).id)


@router.post("/{person_id}/deactivate", summary="Deactivate a user in your organization", responses=COMMAND)
def deactivate(person_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    """It holds at once: whatever tokens the person has are worth nothing in this organization."""
    return CommandReceipt(id=desk(DeactivateMember(membership_id=_member(desk, person_id))).id)


@router.post("/{person_id}/reactivate", summary="Reactivate a user in your organization", responses=COMMAND)
def reactivate(person_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(ReactivateMember(membership_id=_member(desk, person_id))).id)


@router.delete("/{person_id}/second-factor", summary="Reset a user's second factor", responses=COMMAND)
def reset_second_factor(person_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Of a member who lost it: the password alone signs in, until another one is set up."""
    return CommandReceipt(id=desk(ResetSecondFactor(membership_id=_member(desk, person_id))).id)


@router.delete("/{person_id}", summary="Remove a user from your organization", responses=COMMAND)
def remove(person_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Out of the organization; the person's account, and its place in other organizations, stay."""
    return CommandReceipt(id=desk(RemoveMember(membership_id=_member(desk, person_id))).id)


def _member(desk: PersonDesk, person_id: UUID) -> UUID:
    return membership_id(desk.organization_id, person_id)
