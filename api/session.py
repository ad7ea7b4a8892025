"""Sessions over HTTP: sign in, go on, go over to another organization, sign out here and everywhere."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field, SecretStr
from uuid_utils.compat import uuid7

from api import cookie, errors, watch
from api.edge import AnonymousDesk, Body, CommandReceipt, Desk, Empty, OwnDesk, Person
from api.house import House, TheHouse
from api.person import Password, Profile, profile, where_to
from commands.access import Caller, role_of
from commands.inside import WhileClosed, has_second_factor
from commands.session import (
    SIGNING_IN,
    SIGNING_OUT,
    EndEverySession,
    EndReusedSession,
    EndSession,
    SignIn,
    SwitchOrganization,
)
from domain.errors import DomainError, Refused, Unauthenticated
from domain.model import SYSTEM
from domain.session import Ending, Means
from domain.values import Value
from infra.delays import Act
from infra.held import sessions
from infra.secrets import Authenticated
from infra.security import SecurityEventKind
from infra.sessions import NotGivenHere, OldToken, RefreshToken
from infra.tokens import ACCESS_LIFE, CHALLENGE_LIFE

router = APIRouter(prefix="/auth", tags=["sessions"])
By = Annotated[
    Literal["cookie", "body"],
    Field(description="How the refresh token comes: a browser's cookie, or the answer's body"),
]


class TokensWereShown(Refused):
    pass


class Credentials(Body):
    """`organization_id` is where to, for a member of several.

    Else the one that the person registered in; where that lets them in no more, the open one that they used last.
    """

    email: Annotated[str, Field(max_length=1_000)]
    password: Annotated[Password, Field(max_length=1_000)]
    organization_id: UUID | None = None
    refresh: By = "cookie"


class RefreshRequest(Body):
    """What a program holds; a browser sends its cookie instead."""

    refresh_token: Annotated[SecretStr, Field(max_length=200)] | None = None


class OrganizationChoice(Body):
    organization_id: UUID


class TokenPair(Value):
    """`refresh_token` is null where it is in the cookie, or was not changed."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    refresh_token: str | None = None


class SignedIn(TokenPair):
    person: Profile


class Challenge(Value):
    """The password is good, and a second factor is on: a code is what `POST /auth/login/second-factor` waits for."""

    challenge: str
    expires_in: int


class ListedSession(Value):
    """`address` and `device` are where it was begun; `used_at` is when it last went on."""

    id: UUID
    organization_id: UUID
    begun_at: datetime
    used_at: datetime
    address: str | None
    device: str | None
    current: bool


@router.post(
    "/login",
    summary="Sign in with email and password",
    response_model=SignedIn,
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503) | {202: {"model": Challenge}},
)
def login(body: Credentials, desk: AnonymousDesk, house: TheHouse) -> SignedIn | JSONResponse:
    """Where a second factor is on, a challenge (202) and no session.

    Tokens are shown once: repeated under one Idempotency-Key, this says so (409).
    """
    found = house.sign_ins.authenticated(body.email, body.password.get_secret_value(), desk.address)
    if found is None:
        watch.failed(desk.request, body.email)
        raise Unauthenticated("no account has this address and password")
    if body.organization_id is not None:
        home, *_ = house.account(found.person_id).organizations
        asking = Caller(kind="person", id=found.person_id, organization_id=home)
        watch.named(desk.request, asking, body.organization_id)
    at = body.organization_id or where_to(house, found.person_id)
    return by_password(desk, found, at, body.refresh)


@router.post(
    "/refresh", summary="Exchange a refresh token for new tokens", responses=errors.responses(401, 403, 413, 422, 503)
)
def refresh(body: RefreshRequest, desk: AnonymousDesk, house: TheHouse) -> TokenPair:
    """Each refresh token is good once; whoever uses an old one ends its session."""
    held = body.refresh_token
    given = cookie.of(desk.request) if held is None else held.get_secret_value()
    try:
        session_id, person_id, organization_id, token = house.sessions.rotate(given)
    except NotGivenHere:
        house.delays.take(Act.REFRESH, desk.address)
        house.security.note(SecurityEventKind.TOKEN_MADE_UP, desk.address)
        raise
    except OldToken as old:
        desk(EndReusedSession(session_id=old.session_id), Caller(kind="system", id=SYSTEM))
        house.ended.note(old.session_id)
        raise
    caller = Caller(kind="person", id=person_id, organization_id=organization_id, session_id=session_id)
    return _pair(house, caller, _handed(desk, token, "cookie" if held is None else "body"))


@router.post(
    "/switch",
    summary="Switch to another of your organizations",
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def switch(body: OrganizationChoice, desk: OwnDesk, house: TheHouse) -> TokenPair:
    """Another access token, for another of one's organizations; the session goes on there."""
    watch.named(desk.request, desk.caller, body.organization_id)
    there = desk.caller.model_copy(update={"organization_id": body.organization_id})
    desk(SwitchOrganization(session_id=session_of(there)), there)
    return _pair(house, there)


@router.post(
    "/logout", summary="Sign out of the current session", responses=errors.responses(401, 403, 404, 409, 413, 422, 503)
)
def logout(body: Empty, desk: OwnDesk, house: TheHouse) -> CommandReceipt:
    """End this session; also where one was removed or is deactivated."""
    own = session_of(desk.caller)
    desk(EndSession(session_id=own))
    house.ended.note(own)
    cookie.take_away(desk.request, desk.response)
    return CommandReceipt(id=own)


@router.post(
    "/logout-everywhere",
    summary="Sign out of all your sessions",
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def logout_everywhere(body: Empty, desk: OwnDesk, house: TheHouse) -> CommandReceipt:
    """In every organization; also where one was removed or is deactivated."""
    own, all_of_them = session_of(desk.caller), house.accounts.sessions_of(desk.caller.id)
    desk(EndEverySession(session_id=own))
    for each in all_of_them:
        house.ended.note(each.id)
    cookie.take_away(desk.request, desk.response)
    return CommandReceipt(id=own)


@router.get("/sessions", summary="List your sessions", responses=errors.responses(401, 403, 503))
def index(caller: Person, house: TheHouse) -> list[ListedSession]:
    """One's own that can go on, the one that was used last first; also where one was removed or is deactivated."""
    SIGNING_OUT.let(caller, house.ledger_as(caller))
    held = sessions(house.core, caller.id)
    return [ListedSession(**each, current=each["id"] == caller.session_id) for each in held]


@router.delete(
    "/sessions/{session_id}",
    summary="End one of your sessions",
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def end(session_id: UUID, desk: OwnDesk, house: TheHouse) -> CommandReceipt:
    own = session_id == desk.caller.session_id
    desk(EndSession(session_id=session_id, reason=Ending.SIGNED_OUT if own else Ending.SIGNED_OUT_ELSEWHERE))
    house.ended.note(session_id)
    if own:
        cookie.take_away(desk.request, desk.response)
    return CommandReceipt(id=session_id)


def by_password(desk: Desk, shown: Authenticated, at: UUID, by: By) -> SignedIn | JSONResponse:
    """A session of whoever has shown the password, or a challenge where a second factor is on."""
    house, (person_id, version) = desk.house, shown
    caller = Caller(kind="person", id=person_id, organization_id=at)
    store = house.ledger_as(caller)
    if has_second_factor(person_id, store):
        SIGNING_IN.role(caller, store)
        challenge = house.tokens.challenge(person_id, at, version, datetime.now(UTC))
        found = Challenge(challenge=challenge, expires_in=int(CHALLENGE_LIFE.total_seconds()))
        # With the receipt of what was accepted before it, which FastAPI adds to no answer that is ready.
        return JSONResponse(found.model_dump(), 202, dict(desk.response.headers))
    return begin(desk, shown, at, (Means.PASSWORD,), by)


def begin(
    desk: Desk,
    shown: Authenticated,
    organization_id: UUID,
    means: tuple[Means, ...],
    by: By,
    code: SecretStr | None = None,
) -> SignedIn:
    """A session of whoever has just shown who they are. Raises TokensWereShown where the request is a repeated one.

    What was recorded of it lets nobody in: a code is good once, and a password may be another one by now.
    """
    house, token = desk.house, RefreshToken.fresh(uuid7())
    caller = Caller(kind="person", id=shown.person_id, organization_id=organization_id, client=desk.caller.client)
    wish = SignIn(
        session_id=token.session_id,
        organization_id=organization_id,
        means=means,
        refresh=token.digest.hex(),
        code=code,
        password_version=shown.password_version,
    )
    session_id = desk(wish, caller).id
    if session_id != token.session_id:
        raise TokensWereShown(
            "this sign-in was answered before, and its tokens were shown then; sign in under another Idempotency-Key"
        )
    caller = caller.model_copy(update={"session_id": session_id})
    pair = _pair(house, caller, _handed(desk, house.sessions.written(token), by))
    return SignedIn(**dict(pair), person=profile(house, caller))


def go_on_at(desk: Desk, caller: Caller, organization_id: UUID) -> SignedIn:
    """In the same session, where its person has just come in; whoever waits there for approval stays where they are."""
    there = caller.model_copy(update={"organization_id": organization_id})
    me = profile(desk.house, there)
    if me.role is not None and organization_id != caller.organization_id:
        desk(SwitchOrganization(session_id=session_of(there)), there)
    return SignedIn(**dict(_pair(desk.house, there)), person=me)


def _handed(desk: Desk, token: str, by: By) -> str | None:
    if by == "body":
        return token
    cookie.put(desk.request, desk.response, token)
    return None


def _pair(house: House, caller: Caller, refresh_token: str | None = None) -> TokenPair:
    try:
        role = role_of(caller, house.ledger_as(caller), WhileClosed.ADMIN)
    except DomainError:
        role = None  # no member any more, or closed: what is left to do is to go over to another organization
    claims = {"email": str(house.account(caller.id).email), "role": role}
    return TokenPair(
        access_token=house.tokens.access(caller, claims, datetime.now(UTC)),
        expires_in=int(ACCESS_LIFE.total_seconds()),
        refresh_token=refresh_token,
    )


def session_of(caller: Caller) -> UUID:
    if caller.session_id is None:
        raise Refused("this is no session: what asks here did not sign in")
    return caller.session_id
