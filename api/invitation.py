"""Invitations over HTTP: ask somebody in by mail, see and cancel what was sent; accept or decline by the link."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field, SecretStr
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors, watch
from api.edge import AnonymousDesk, Body, Desk, Made, Perhaps, PersonDesk, wish
from api.house import House, TheHouse
from api.link import whose
from api.names import avatar_name
from api.person import FullName, Password, Spoken, WritableEmail
from api.reading import After, Known, Limit, may, reads
from api.session import By, Challenge, SignedIn, by_password, go_on_at
from commands.acceptance import AcceptInvitation, DeclineInvitation, JoinByInvitation
from commands.access import Caller, Command, demand
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
from commands.invited import place_of
from commands.link import LinkIsOver
from commands.ports import Purpose
from domain.dataset import Dataset
from domain.errors import Forbidden, Invalid, NotFound, Refused, Unauthenticated
from domain.invitation import Invitation, InvitationStatus, InvitationType
from domain.organization import Organization
from domain.person import Language, Person
from domain.project import Project
from domain.roles import DatasetRole, Permission, ProjectRole, Reach, Role, reach
from domain.values import Erased, Flag, Token, Value
from infra.delays import Act
from projections import dataset, invitation
from projections.invitation import InvitationRow, list_invitations
from projections.paging import Page

router = APIRouter(prefix="/invitations", tags=["invitations"])
Reading = Annotated[Connection, reads(invitation.PROJECTION, dataset.PROJECTION)]
Sender = Annotated[Known, Depends(may(Permission.MANAGE_INVITATIONS, own=True))]
Everybody = Annotated[bool, Query(description="Of all who sent any in the organization; for its admins and managers")]
Into = Annotated[UUID | None, Query(description="Those to it, whoever sent them; for who manages its members")]
LinkToken = Annotated[Token, Field(description="From the link in the letter")]
# Without a token somebody comes who is not signed in.
OR_NOBODY: Final[dict[str, Any]] = {"security": [{}]}
COMMAND: Final = errors.responses(401, 403, 404, 409, 413, 422, 503)
COMMANDS: Final = {each.TYPE: each for each in (InviteToOrganization, InviteToProject, InviteToDataset)}


class NewInvitation(Body):
    """Into the organization itself, without `target_id`, or into the project or dataset that it names.

    `role` is one of the organization (guest, if left out), of the project (member) or of the dataset (viewer). The
    letter is in your language unless another is named. Only the address that it goes to may accept, or with
    `for_anyone` whoever has the link.
    """

    type: InvitationType = InvitationType.ORGANIZATION
    target_id: UUID | None = None
    email: WritableEmail
    role: Role | ProjectRole | DatasetRole | None = None
    message: Message = ""
    language: Language | None = None
    for_anyone: Flag = False
    days: Days = GOOD_FOR


class Again(Body):
    days: Days = GOOD_FOR


class Told(Value):
    """What whoever has the link may know before accepting."""

    inviter: str
    organization: str
    type: InvitationType
    target: str
    role: str


class Acceptance(Body):
    """Signed in, the token is enough. Else `password` is that of your account, or a new one beside `full_name`.

    `email` is needed where anyone may accept; the address that was written to is meant, else.
    """

    token: LinkToken
    full_name: FullName | None = None
    password: Annotated[Password, Field(max_length=1_000)] | None = None
    email: WritableEmail | None = None
    language: Spoken = Language.ENGLISH
    refresh: By = "cookie"


class Refusal(Body):
    token: LinkToken


class Sent(InvitationRow):
    """One that nobody has ended is expired from the moment that it names."""

    @classmethod
    def of(cls, row: InvitationRow, now: datetime) -> Self:
        is_late = row.status is InvitationStatus.PENDING and now >= row.expires_at
        return cls(**dict(row) | ({"status": InvitationStatus.EXPIRED} if is_late else {}))


@router.post("", status_code=201, responses=COMMAND)
def send(body: NewInvitation, desk: PersonDesk) -> Made:
    """By a letter with a link. One that is pending to the same address and thing is cancelled in its favour.

    The answer is the same whether the address is somebody's or nobody's.
    """
    return Made(id=invite(desk, COMMANDS[body.type], body.target_id or desk.organization_id, body))


def invite(desk: Desk, kind: type[Invite], target_id: UUID, body: Body) -> UUID:
    """What was made or changed. Raises TooManyRequests where too much goes to one address."""
    given = body.model_dump(include=set(kind.model_fields) - {"target_id"}, exclude_none=True)
    asked = wish(kind, invitation_id=uuid7(), target_id=target_id, **given)
    _may_write_to(desk, asked, asked.email)
    return desk(asked).id


@router.get("", responses=errors.responses(401, 403, 404, 422, 503))
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
) -> Page[Sent]:
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
    return Page([Sent.of(row, now) for row in page.items], page.next)


@router.delete("/{id:uuid}", responses=COMMAND)
def cancel(id: UUID, desk: PersonDesk) -> Made:
    """One's own, or one that one might have sent; its links are good for nothing at once."""
    return Made(id=desk(CancelInvitation(invitation_id=id)).id)


@router.post("/{id}/resend", responses=COMMAND)
def resend(id: UUID, desk: PersonDesk, house: TheHouse, body: Again | None = None) -> Made:
    """Another letter, and as many days as a new one has; links that were sent before stay good for theirs."""
    asked = ResendInvitation(invitation_id=id, days=(body or Again()).days)
    found = house.ledger_as(desk.caller).get(Invitation, id)
    if not isinstance(found.email, Erased):
        _may_write_to(desk, asked, found.email)
    return Made(id=desk(asked).id)


@router.get("/{token}/info", responses=errors.responses(404, 422, 503))
def info(token: Annotated[str, Path(max_length=200)], desk: AnonymousDesk) -> Told:
    """Of one that is pending, for whoever has its link."""
    try:
        found = _pending(desk, SecretStr(token))
    except Refused as over:
        raise NotFound(str(over)) from over
    ledger = desk.house.ledger_as(_ANYBODY)
    return Told(
        inviter=str(ledger.get(Person, found.inviter_id).full_name),
        organization=ledger.get(Organization, found.organization_id).name,
        type=found.type,
        target=place_of(ledger, found.type, found.target_id, found.role).name,
        role=found.role,
    )


@router.post(
    "/accept", response_model=SignedIn, responses=COMMAND | {202: {"model": Challenge}}, openapi_extra=OR_NOBODY
)
def accept(body: Acceptance, desk: AnonymousDesk, caller: Perhaps) -> SignedIn | JSONResponse:
    """Whoever is signed in goes on there; anybody else is signed in by this, a newcomer as one who registered.

    Where a second factor is on, the invitation is accepted, and a challenge (202) answered as at sign-in.
    """
    if caller is not None:
        accepted = _accepted(desk, AcceptInvitation(person_id=caller.id, token=body.token))
        return go_on_at(desk, caller, accepted.organization_id)
    if body.password is None:
        raise Unauthenticated("sign in first, or send your account's password, or a new one and your full_name")
    if body.full_name is None:
        asked: Command = AcceptInvitation(person_id=_by_password(body, body.password, desk), token=body.token)
    else:
        given = body.model_dump(exclude={"refresh"}, exclude_none=True)
        first = desk.house.settings.verify_first
        asked = wish(JoinByInvitation, person_id=uuid7(), avatar_name=avatar_name(), proven=first, **given)
    accepted = _accepted(desk, asked)
    assert accepted.person_id is not None, "somebody has accepted it"
    return by_password(desk, accepted.person_id, accepted.organization_id, body.refresh)


@router.post("/decline", responses=errors.responses(404, 409, 413, 422, 503))
def decline(body: Refusal, desk: AnonymousDesk) -> Made:
    """By whoever has the link; nobody's name is kept."""
    return Made(id=_by_link(desk, DeclineInvitation(token=body.token)))


_ANYBODY: Final = Caller(kind="anonymous", id=UUID(int=0))


def _pending(desk: Desk, token: SecretStr) -> Invitation:
    """Raises LinkIsOver, InvitationIsOver, TooManyRequests."""
    _, id = whose(desk, token, Purpose.INVITATION)
    found = desk.house.ledger_as(_ANYBODY).get(Invitation, id)
    found.must_be_pending(datetime.now(UTC))
    return found


def _by_link(desk: Desk, asked: Command) -> UUID:
    """A guess waits longer each time. Raises LinkIsOver, TooManyRequests."""
    try:
        return desk(asked).id
    except LinkIsOver:
        desk.house.delays.take(Act.LINK, desk.address)
        raise


def _accepted(desk: Desk, asked: Command) -> Invitation:
    return desk.house.ledger_as(_ANYBODY).get(Invitation, _by_link(desk, asked))


def _by_password(body: Acceptance, password: SecretStr, desk: Desk) -> UUID:
    email = body.email or _written_to(desk, body.token)
    person_id = desk.house.sign_ins.person(email, password.get_secret_value(), desk.address)
    if person_id is None:
        watch.failed(desk.request, email)
        raise Unauthenticated("no account has this address and password; with full_name beside it, you register")
    return person_id


def _written_to(desk: Desk, token: SecretStr) -> str:
    found = _pending(desk, token)
    if found.for_anyone or isinstance(found.email, Erased):
        raise Invalid("email: anyone may accept this invitation, so say which address your account has")
    return found.email


def _may_write_to(desk: Desk, asked: Command, email: str) -> None:
    """Counted for each organization by itself, and only of whoever may ask it: nobody keeps others from an address.

    Raises TooManyRequests, and what keeps the caller from it.
    """
    desk.admit(asked)
    account = desk.house.accounts.digest(email) + desk.organization_id.bytes
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
