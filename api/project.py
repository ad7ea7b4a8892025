"""Projects over HTTP, and who is in each."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import model_validator
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, Empty, NewOwner, PersonDesk
from api.invitation import invite
from api.person import WritableEmail
from api.reading import After, Known, Limit, Member, reads
from commands.invitation import Message, PlaceByAddress
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeclineProject,
    DeleteProject,
    DescribeProject,
    LeaveProject,
    OfferProject,
    RemoveProjectMember,
    RenameProject,
    RestoreProject,
    UndeleteProject,
    WithdrawProject,
)
from domain.errors import NotFound
from domain.language import Language
from domain.roles import ProjectRole
from domain.values import PlainName, Text
from projections import membership, project, service_account
from projections.paging import Page
from projections.project import ProjectMemberRow, ProjectRow, find_project, list_project_members, list_projects

router = APIRouter(prefix="/projects", tags=["projects"])
Reading = Annotated[Connection, reads(project.PROJECTION)]
ReadingPeople = Annotated[Connection, reads(project.PROJECTION, membership.PROJECTION, service_account.PROJECTION)]
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)


class NewProject(Body):
    name: PlainName
    description: Text = ""


class NewName(Body):
    name: PlainName


class NewDescription(Body):
    description: Text


class NewMember(Body):
    """By id a member of the organization, or a service account; by address anybody: a member is added at once, others
    are invited by mail. `message` and `language` are for that letter.
    """

    person_id: UUID | None = None
    email: WritableEmail | None = None
    role: ProjectRole = ProjectRole.MEMBER
    message: Message = ""
    language: Language | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.person_id is None) is (self.email is None):
            raise ValueError("name either person_id or email")
        return self


class AddedMember(CommandReceipt):
    """`invitation_id` where somebody was invited; null for whoever is in the project by now."""

    invitation_id: UUID | None


class NewProjectRole(Body):
    role: ProjectRole


@router.post("", summary="Create a project", status_code=201, responses=errors.responses(401, 403, 409, 413, 422, 503))
def create(body: NewProject, desk: PersonDesk) -> CommandReceipt:
    accepted = desk(CreateProject(project_id=uuid7(), **dict(body)))
    return CommandReceipt(id=accepted.id)


@router.patch("/{project_id}", summary="Rename a project", responses=COMMAND)
def rename(project_id: UUID, body: NewName, desk: PersonDesk) -> CommandReceipt:
    accepted = desk(RenameProject(project_id=project_id, name=body.name))
    return CommandReceipt(id=accepted.id)


@router.put("/{project_id}/description", summary="Change the description of a project", responses=COMMAND)
def describe(project_id: UUID, body: NewDescription, desk: PersonDesk) -> CommandReceipt:
    accepted = desk(DescribeProject(project_id=project_id, description=body.description))
    return CommandReceipt(id=accepted.id)


@router.post("/{project_id}/archive", summary="Archive a project", responses=COMMAND)
def archive(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(ArchiveProject(project_id=project_id)).id)


@router.post("/{project_id}/restore", summary="Restore an archived project", responses=COMMAND)
def restore(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(RestoreProject(project_id=project_id)).id)


@router.delete("/{project_id}", summary="Move a project to the trash", responses=COMMAND)
def delete(project_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Into the trash, from where it can come back for 30 days (`purge_at` says until when)."""
    return CommandReceipt(id=desk(DeleteProject(project_id=project_id)).id)


@router.post("/{project_id}/undelete", summary="Restore a project from the trash", responses=COMMAND)
def undelete(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(UndeleteProject(project_id=project_id)).id)


@router.post("/{project_id}/members", summary="Add a member to a project", responses=COMMAND)
def add(project_id: UUID, body: NewMember, desk: PersonDesk) -> AddedMember:
    if body.person_id is not None:
        accepted = desk(AddProjectMember(project_id=project_id, person_id=body.person_id, role=body.role))
        return AddedMember(id=accepted.id, invitation_id=None)
    made = invite(desk, PlaceByAddress, project_id, body)
    return AddedMember(id=project_id, invitation_id=None if made == project_id else made)


@router.patch("/{project_id}/members/{person_id}", summary="Change a project member's role", responses=COMMAND)
def change_role(project_id: UUID, person_id: UUID, body: NewProjectRole, desk: PersonDesk) -> CommandReceipt:
    accepted = desk(ChangeProjectRole(project_id=project_id, person_id=person_id, role=body.role))
    return CommandReceipt(id=accepted.id)


@router.delete("/{project_id}/members/{person_id}", summary="Remove a member from a project", responses=COMMAND)
def remove(project_id: UUID, person_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Oneself: to leave, which needs nobody's permission."""
    if person_id == desk.caller.id:
        return CommandReceipt(id=desk(LeaveProject(project_id=project_id)).id)
    return CommandReceipt(id=desk(RemoveProjectMember(project_id=project_id, person_id=person_id)).id)


@router.post("/{project_id}/owner/offer", summary="Offer ownership of a project", responses=COMMAND)
def offer(project_id: UUID, body: NewOwner, desk: PersonDesk) -> CommandReceipt:
    """The project is handed over once that person accepts."""
    return CommandReceipt(id=desk(OfferProject(project_id=project_id, person_id=body.person_id)).id)


@router.post("/{project_id}/owner/accept", summary="Accept ownership of a project", responses=COMMAND)
def accept(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(AcceptProject(project_id=project_id)).id)


@router.post("/{project_id}/owner/decline", summary="Decline ownership of a project", responses=COMMAND)
def decline(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(DeclineProject(project_id=project_id)).id)


@router.post("/{project_id}/owner/withdraw", summary="Withdraw an offer of project ownership", responses=COMMAND)
def withdraw(project_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(WithdrawProject(project_id=project_id)).id)


@router.get("", summary="List projects", responses=errors.responses(401, 403, 422, 503))
def index(
    member: Member,
    tx: Reading,
    archived: bool | None = None,
    deleted: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> Page[ProjectRow]:
    of = member.organization_id
    return list_projects(tx, of, archived=archived, deleted=deleted, after=after, limit=limit)


@router.get("/{project_id}", summary="Get a project", responses=errors.responses(401, 403, 404, 422, 503))
def show(project_id: UUID, member: Member, tx: Reading) -> ProjectRow:
    return _found(tx, member, project_id)


@router.get(
    "/{project_id}/members",
    summary="List the members of a project",
    responses=errors.responses(401, 403, 404, 422, 503),
)
def members(project_id: UUID, member: Member, tx: ReadingPeople) -> list[ProjectMemberRow]:
    """Whoever is in the project beside its owner."""
    return list_project_members(tx, _found(tx, member, project_id).id)


def _found(tx: Connection, member: Known, project_id: UUID) -> ProjectRow:
    if row := find_project(tx, member.organization_id, project_id):
        return row
    raise NotFound(f"there is no project {project_id}")
