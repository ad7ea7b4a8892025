"""Memberships over HTTP: who belongs to the organization, letting somebody in, changing a role."""

from uuid import UUID

from fastapi import APIRouter

from api import errors
from api.edge import Body, Made, Person, PersonDesk
from commands.membership import ApproveMember, ChangeRole
from domain.errors import Unauthenticated
from domain.membership import membership_id
from domain.roles import Role

router = APIRouter(tags=["members"])


class Grant(Body):
    role: Role


@router.post("/members/{id}/approve", responses=errors.responses(401, 403, 404, 409, 413, 422, 503))
def approve(id: UUID, body: Grant, desk: PersonDesk) -> Made:
    accepted = desk(ApproveMember(membership_id=id, role=body.role))
    return Made(id=accepted.id)


@router.patch("/admin/users/{person_id}/role", responses=errors.responses(401, 403, 404, 409, 413, 422, 503))
def change_role(person_id: UUID, body: Grant, desk: PersonDesk, caller: Person) -> Made:
    if caller.organization_id is None:
        raise Unauthenticated("sign in first")
    accepted = desk(ChangeRole(membership_id=membership_id(caller.organization_id, person_id), role=body.role))
    return Made(id=accepted.id)
