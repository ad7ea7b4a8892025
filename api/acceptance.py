"""The link of an invitation over HTTP: what whoever has it may know, and how they accept or decline."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import Field, SecretStr
from uuid_utils.compat import uuid7

from api import errors, watch
from api.edge import AnonymousDesk, Body, CommandReceipt, Desk, Perhaps, wish
from api.link import note_guess, whose
from api.person import Password, Spoken, WritableEmail
from api.session import By, Challenge, SignedIn, by_password, go_on_at, session_of
from commands.acceptance import AcceptInvitation, DeclineInvitation, JoinByInvitation, must_lead_on
from commands.access import Caller, Command
from commands.invited import place_of
from commands.link import LinkIsOver
from commands.ports import Purpose
from domain.errors import Invalid, NotFound, Refused, Unauthenticated
from domain.invitation import Invitation, InvitationType
from domain.language import Language
from domain.organization import Organization
from domain.person import Person
from domain.values import Erased, PlainName, Token, Value
from infra.avatar_name import avatar_name
from infra.secrets import Authenticated

router = APIRouter(prefix="/invitations", tags=["invitations"])
LinkToken = Annotated[Token, Field(description="From the link in the letter")]
# Without a token somebody comes who is not signed in.
OR_NOBODY: Final[dict[str, Any]] = {"security": [{}]}
COMMAND: Final = errors.responses(401, 403, 404, 409, 413, 422, 503)
# A newcomer has set a password where their history begins.
FIRST: Final = 1
_ANYBODY: Final = Caller(kind="anonymous", id=UUID(int=0))


class InvitationInfo(Value):
    """What whoever has the link may know before accepting.

    With `for_anyone` any address may accept; else the one that was written to does.
    """

    inviter: str
    organization: str
    type: InvitationType
    target: str
    role: str
    for_anyone: bool


class Acceptance(Body):
    """Signed in, the token is enough. Else `password` is that of your account, or a new one beside `full_name`.

    `email` is needed where anyone may accept; the address that was written to is meant, else.
    """

    token: LinkToken
    full_name: PlainName | None = None
    password: Annotated[Password, Field(max_length=1_000)] | None = None
    email: WritableEmail | None = None
    language: Spoken = Language.ENGLISH
    refresh: By = "cookie"


class InvitationLink(Body):
    token: LinkToken


@router.post("/info", summary="Get the invitation behind a link", responses=errors.responses(404, 413, 422, 503))
def info(body: InvitationLink, desk: AnonymousDesk) -> InvitationInfo:
    """Of one that is pending and leads somewhere, for whoever has its link."""
    return _told(body.token, desk)


@router.get("/{token}/info", summary="Get an invitation by token in the URL", responses=errors.responses(404, 422, 503))
def info_by_address(token: Annotated[str, Path(max_length=200)], desk: AnonymousDesk) -> InvitationInfo:
    """The same with the token in the address, which servers on the way may write into their logs: prefer the POST."""
    return _told(SecretStr(token), desk)


def _told(token: SecretStr, desk: Desk) -> InvitationInfo:
    ledger = desk.house.ledger_as(_ANYBODY)
    try:
        found = _pending(desk, token)
        must_lead_on(found, ledger)
    except Refused as over:
        raise NotFound(str(over)) from over
    return InvitationInfo(
        inviter=str(ledger.get(Person, found.inviter_id).full_name),
        organization=ledger.get(Organization, found.organization_id).name,
        type=found.type,
        target=place_of(ledger, found.type, found.target_id, found.role).name,
        role=found.role,
        for_anyone=found.for_anyone,
    )


@router.post(
    "/accept",
    summary="Accept an invitation",
    response_model=SignedIn,
    responses=COMMAND | {202: {"model": Challenge}},
    openapi_extra=OR_NOBODY,
)
def accept(body: Acceptance, desk: AnonymousDesk, caller: Perhaps) -> SignedIn | JSONResponse:
    """Whoever is signed in goes on there; anybody else is signed in by this, a newcomer as one who registered.

    Where a second factor is on, the invitation is accepted, and a challenge (202) answered as at sign-in. Tokens are
    shown once: repeated under one Idempotency-Key, this says so (409), and signing in is what is left to do.
    """
    if caller is not None:
        # Theirs wherever they are: accepting moves the session.
        themselves = caller.model_copy(update={"organization_id": None})
        asked: Command = AcceptInvitation(person_id=caller.id, shown=session_of(caller), token=body.token)
        accepted = _accepted(desk, body.token, asked, themselves)
        return go_on_at(desk, caller, accepted.organization_id)
    if body.password is None:
        raise Unauthenticated("sign in first, or send your account's password, or a new one and your full_name")
    if (before := desk.before()) is not None:
        return _once_more(body, body.password, desk, before.id)
    try:
        asked, version = _asked(body, body.password, desk)
    except Refused:
        # Whoever asks again while the first request is at work may find that it has ended.
        if (before := desk.before()) is None:
            raise
        return _once_more(body, body.password, desk, before.id)
    accepted = _accepted(desk, body.token, asked)
    assert accepted.person_id is not None, "somebody has accepted it"
    return by_password(desk, Authenticated(accepted.person_id, version), accepted.organization_id, body.refresh)


def _asked(body: Acceptance, password: SecretStr, desk: Desk) -> tuple[Command, int]:
    """By somebody who has an account, or as somebody new; and which of their passwords it is.

    Raises Unauthenticated, and what `_pending` does.
    """
    if body.full_name is None:
        shown = _by_password(body.email or _written_to(desk, body.token), password, desk)
        version = shown.password_version
        return AcceptInvitation(person_id=shown.person_id, shown=version, token=body.token), version
    given = body.model_dump(exclude={"refresh"}, exclude_none=True)
    first = desk.house.settings.verify_first
    return wish(JoinByInvitation, person_id=uuid7(), avatar_name=avatar_name(), proven=first, **given), FIRST


@router.post("/decline", summary="Decline an invitation", responses=errors.responses(404, 409, 413, 422, 503))
def decline(body: InvitationLink, desk: AnonymousDesk) -> CommandReceipt:
    """By whoever has the link; nobody's name is kept."""
    return CommandReceipt(id=_by_link(desk, body.token, DeclineInvitation(token=body.token)))


def _pending(desk: Desk, token: SecretStr) -> Invitation:
    """Raises LinkIsOver, InvitationIsOver, TooManyRequests."""
    _, id = whose(desk, token, Purpose.INVITATION)
    found = desk.house.ledger_as(_ANYBODY).get(Invitation, id)
    found.must_be_pending(datetime.now(UTC))
    return found


def _by_link(desk: Desk, token: SecretStr, asked: Command, keyed: Caller | None = None) -> UUID:
    """Raises LinkIsOver, and TooManyRequests where guesses have to wait."""
    try:
        return desk(asked, keyed=keyed).id
    except LinkIsOver:
        if desk.house.links.find(Purpose.INVITATION, token.get_secret_value()) is None:
            note_guess(desk)
        raise


def _accepted(desk: Desk, token: SecretStr, asked: Command, keyed: Caller | None = None) -> Invitation:
    return desk.house.ledger_as(_ANYBODY).get(Invitation, _by_link(desk, token, asked, keyed))


def _once_more(body: Acceptance, password: SecretStr, desk: Desk, invitation_id: UUID) -> SignedIn | JSONResponse:
    """The link is over and the address forgotten, but who accepted is known, by the password that is theirs by now."""
    found = desk.house.ledger_as(_ANYBODY).get(Invitation, invitation_id)
    assert found.person_id is not None, "somebody has accepted it"
    shown = _by_password(str(desk.house.account(found.person_id).email), password, desk)
    return by_password(desk, shown, found.organization_id, body.refresh)


def _by_password(email: str, password: SecretStr, desk: Desk) -> Authenticated:
    shown = desk.house.sign_ins.authenticated(email, password.get_secret_value(), desk.address)
    if shown is None:
        watch.failed(desk.request, email)
        raise Unauthenticated("no account has this address and password; with full_name beside it, you register")
    return shown


def _written_to(desk: Desk, token: SecretStr) -> str:
    found = _pending(desk, token)
    if found.for_anyone or isinstance(found.email, Erased):
        raise Invalid("email: anyone may accept this invitation, so say which address your account has")
    return found.email
