"""Invitations over HTTP: ask somebody in by mail, send once more, see and cancel what was sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import TypeAdapter, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, Desk, PersonDesk, wish
from api.house import House, TheHouse
from api.person import WritableEmail
from api.reading import After, Known, Limit, may, reads
from commands.access import Command, demand
from commands.invitation import (
    GOOD_FOR,
    CancelInvitation,
    Days,
    Invite,
    InviteToDataset,
    InviteToOrganization,
    InviteToProject,
    Message,
    ResendInvitation,
)
from domain.dataset import Dataset
from domain.errors import Forbidden, Invalid
from domain.invitation import Invitation, InvitationStatus, InvitationType
from domain.language import Language
from domain.project import Project
from domain.roles import DatasetRole, Permission, ProjectRole, Reach, Role, reach
from domain.values import Erased, Flag
from infra.delays import Act
from projections import dataset, invitation
from projections.invitation import InvitationRow, list_invitations
from projections.paging import Page

router = APIRouter(prefix="/invitations", tags=["invitations"])
Reading = Annotated[Connection, reads(invitation.PROJECTION, dataset.PROJECTION)]
Sender = Annotated[Known, Depends(may(Permission.MANAGE_INVITATIONS, own=True))]
Everybody = Annotated[bool, Query(description="Of all who sent any in the organization; for its admins and managers")]
Into = Annotated[UUID | None, Query(description="Those to it, whoever sent them; for who manages its members")]
COMMAND: Final = errors.responses(401, 403, 404, 409, 413, 422, 503)
ROLES: Final[Mapping[InvitationType, TypeAdapter[Any]]] = {
    InvitationType.ORGANIZATION: TypeAdapter(Role),
    InvitationType.PROJECT: TypeAdapter(ProjectRole),
    InvitationType.DATASET: TypeAdapter(DatasetRole),
}
COMMANDS: Final = {each.TYPE: each for each in (InviteToOrganization, InviteToProject, InviteToDataset)}


class NewInvitation(Body):
    """Into the organization itself, without `target_id`, or into the project or dataset that it names.

    `role` is one of the organization (guest, if left out), of the project (member) or of the dataset (viewer). The
    letter is in the language that is named, else in that of whoever has the address, else in yours. Only the address
    that it goes to may accept, or with `for_anyone` whoever has the link.
    """

    type: InvitationType = InvitationType.ORGANIZATION
    target_id: UUID | None = None
    email: WritableEmail
    role: Role | ProjectRole | DatasetRole | None = None
    message: Message = ""
    language: Language | None = None
    for_anyone: Flag = False
    days: Days = GOOD_FOR

    @field_validator("role", mode="before")
    @classmethod
    def _of_what_it_is_into(cls, role: object, body: ValidationInfo) -> object:
        """Whoever names another is told of those roles alone."""
        if role is None or "type" not in body.data:
            return None
        try:
            return ROLES[body.data["type"]].validate_python(role)
        except ValidationError as error:
            raise PydanticKnownError("enum", error.errors()[0]["ctx"]) from error


class InvitationResend(Body):
    days: Days = GOOD_FOR


class SentInvitation(InvitationRow):
    """One that nobody has ended is expired from the moment that it names."""

    @classmethod
    def of(cls, row: InvitationRow, now: datetime) -> Self:
        is_late = row.status is InvitationStatus.PENDING and now >= row.expires_at
        return cls(**dict(row) | ({"status": InvitationStatus.EXPIRED} if is_late else {}))


@router.post("", summary="Send an invitation", status_code=201, responses=COMMAND)
def send(body: NewInvitation, desk: PersonDesk) -> CommandReceipt:
    """By a letter with a link. One that is pending to the same address and thing is cancelled in its favour.

    The answer is the same whether the address is somebody's or nobody's.
    """
    return CommandReceipt(id=invite(desk, COMMANDS[body.type], body.target_id or desk.organization_id, body))


def invite(desk: Desk, kind: type[Invite], target_id: UUID, body: Body) -> UUID:
    """What was made or changed. Raises TooManyRequests where too much goes to one address."""
    given = body.model_dump(include=set(kind.model_fields) - {"target_id"}, exclude_none=True)
    asked = wish(kind, invitation_id=uuid7(), target_id=target_id, **given)
    if desk.before() is None:
        _may_write_to(desk, asked, asked.email)
    return desk(asked).id


@router.get("", summary="List invitations", responses=errors.responses(401, 403, 404, 422, 503))
def index(
    sender: Sender,
    tx: Reading,
    house: TheHouse,
    everybody: Everybody = False,
    project_id: Into = None,
    dataset_id: Into = None,
    status: InvitationStatus | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[SentInvitation]:
    """Those that you sent, unless others are asked for; the newest first."""
    into = _managed(sender, house, {Project: project_id, Dataset: dataset_id})
    if everybody and reach(sender.role, Permission.MANAGE_INVITATIONS) is not Reach.ANY:
        raise Forbidden(f"the role {sender.role} does not include {Permission.MANAGE_INVITATIONS} of others")
    page = list_invitations(
        tx,
        sender.organization_id,
        viewer=sender.viewer,
        inviter_id=None if everybody or into else sender.caller.id,
        target_id=into,
        status=status,
        after=after,
        limit=limit,
    )
    now = datetime.now(UTC)
    return Page([SentInvitation.of(row, now) for row in page.items], page.next)


@router.delete("/{id:uuid}", summary="Cancel an invitation", responses=COMMAND)
def cancel(id: UUID, desk: PersonDesk) -> CommandReceipt:
    """One's own, or one that one might have sent; its links are good for nothing at once."""
    return CommandReceipt(id=desk(CancelInvitation(invitation_id=id)).id)


@router.post("/{id}/resend", summary="Resend an invitation", responses=COMMAND)
def resend(id: UUID, desk: PersonDesk, house: TheHouse, body: InvitationResend | None = None) -> CommandReceipt:
    """Another letter, and as many days as a new one has; links that were sent before stay good for theirs."""
    asked = ResendInvitation(invitation_id=id, days=(body or InvitationResend()).days)
    found = house.ledger_as(desk.caller).get(Invitation, id)
    if not isinstance(found.email, Erased) and desk.before() is None:
        _may_write_to(desk, asked, found.email)
    return CommandReceipt(id=desk(asked).id)


def _may_write_to(desk: Desk, asked: Command, email: str) -> None:
    """Counted for each organization by itself, and only of whoever may ask it: nobody keeps others from an address. All
    letters of an organization, of an inviter and from a network are, too: nobody writes to the world by way of us.

    Raises TooManyRequests, and what keeps the caller from it.
    """
    desk.admit(asked)
    account = desk.house.accounts.digest(email) + desk.organization_id.bytes
    desk.house.delays.look(Act.INVITATION, desk.address, account)
    desk.house.delays.take_invitation(desk.address, desk.organization_id, desk.caller.id)
    desk.house.delays.take(Act.INVITATION, desk.address, account)


def _managed(sender: Known, house: House, asked: Mapping[type[Project] | type[Dataset], UUID | None]) -> UUID | None:
    """The one thing that is asked about, if any. Raises Invalid, NotFound, Forbidden."""
    named = [(kind, id) for kind, id in asked.items() if id is not None]
    if len(named) > 1:
        raise Invalid("name either project_id or dataset_id")
    for kind, id in named:
        ledger = house.ledger_as(sender.caller)
        thing = ledger.get(kind, id)
        demand(sender.caller, ledger, Permission.MANAGE_INVITATIONS, thing.owner_id, thing)
        return id
    return None
