"""API tokens over HTTP: make one, which is shown once; see which there are; revoke one."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, Desk, Holder, PersonDesk
from api.house import House, TheHouse
from api.reading import After, Known, Limit, may, reads
from commands.access import role_of
from commands.api_token import CreateToken, Days, MakesToken, RevokeToken, Scopes
from domain.api_token import ApiToken, OwnerKind
from domain.errors import Forbidden, NotFound, Refused
from domain.roles import Permission, Reach, Role, Scope, reach
from domain.values import PlainName, Value
from infra.api_tokens import mint
from projections import api_token
from projections.api_token import TokenRow, list_tokens
from projections.paging import Page

router = APIRouter(tags=["API tokens"])
Reading = Annotated[Connection, reads(api_token.PROJECTION)]
Keeper = Annotated[Known, Depends(may(Permission.MANAGE_TOKENS, own=True))]
Everybody = Annotated[bool, Query(description="Of all members and services of the organization; for its admins")]
DEFAULT_DAYS: Final = 90


class TokenWasShown(Refused):
    pass


class TokenRequest(Body):
    """A token is good for so many days."""

    name: PlainName
    scopes: Scopes = frozenset({Scope.READ})
    days: Days = DEFAULT_DAYS


class IssuedToken(Value):
    """`token` is told here and never again."""

    id: UUID
    token: str = Field(repr=False)
    prefix: str


class ListedToken(TokenRow):
    """`last_used_at` is true to a minute; null where it was never used."""

    last_used_at: datetime | None
    status: Literal["good", "revoked", "expired"]

    @classmethod
    def of(cls, row: TokenRow, last_used_at: datetime | None, now: datetime) -> Self:
        passed = "expired" if now >= row.expires_at else "good"
        return cls(**dict(row), last_used_at=last_used_at, status="revoked" if row.revoked_at else passed)


class CarriedToken(Value):
    """`role` is its owner's now, beyond which no scope reaches."""

    id: UUID
    name: str
    prefix: str
    owner_kind: OwnerKind
    owner_id: UUID
    organization_id: UUID
    role: Role
    scopes: list[Scope]
    expires_at: datetime


@router.post(
    "/tokens", summary="Create an API token", status_code=201, responses=errors.responses(401, 403, 409, 413, 422, 503)
)
def create(body: TokenRequest, desk: PersonDesk) -> IssuedToken:
    """For a program to carry as `Authorization: Bearer`; it never lets a program do more than you may yourself.

    A token can neither make tokens nor manage people, places in projects or the organization.
    """
    return shown_once(desk, CreateToken, body)


def shown_once(desk: Desk, kind: type[MakesToken], body: TokenRequest, **more: UUID) -> IssuedToken:
    """Raises TokenWasShown where the command was done before, with a token that nobody knows any more."""
    minted, token_id = mint(), uuid7()
    asked = kind(token_id=token_id, prefix=minted.prefix, digest=minted.digest, **dict(body), **more)
    made = desk(asked).id
    if made != token_id:
        raise TokenWasShown(f"the token {made} was made and shown already; revoke it, and make another one")
    return IssuedToken(id=made, token=minted.token, prefix=minted.prefix)


@router.get("/tokens", summary="List API tokens", responses=errors.responses(401, 403, 422, 503))
def index(
    keeper: Keeper, tx: Reading, house: TheHouse, everybody: Everybody = False, after: After = None, limit: Limit = 50
) -> Page[ListedToken]:
    """Your own, unless everybody's are asked for."""
    if everybody and reach(keeper.role, Permission.MANAGE_TOKENS) is not Reach.ANY:
        raise Forbidden(f"the role {keeper.role} does not include {Permission.MANAGE_TOKENS} of others")
    owner = None if everybody else keeper.caller.id
    return with_last_use(list_tokens(tx, keeper.organization_id, owner_id=owner, after=after, limit=limit), house)


@router.get(
    "/auth/token", summary="Get the API token that you carry", responses=errors.responses(401, 403, 404, 422, 503)
)
def own(holder: Holder, house: TheHouse) -> CarriedToken:
    """For a program: whose it is, for what and until when, whatever its scopes."""
    if holder.token_id is None:
        raise NotFound("no API token was carried here: who signed in themselves asks GET /auth/me")
    store = house.ledger_as(holder)
    role, token = role_of(holder, store), store.get(ApiToken, holder.token_id)
    assert role is not None, "whoever waits for approval makes no token"
    shown = {name: getattr(token, name) for name in CarriedToken.model_fields if name not in ("role", "scopes")}
    return CarriedToken(**shown, role=role, scopes=sorted(token.scopes))


def with_last_use(page: Page[TokenRow], house: House) -> Page[ListedToken]:
    used = house.api_tokens.last_uses(row.id for row in page.items)
    now = datetime.now(UTC)
    return Page([ListedToken.of(row, used.get(row.id), now) for row in page.items], page.next)


@router.delete(
    "/tokens/{id}", summary="Revoke an API token", responses=errors.responses(401, 403, 404, 409, 413, 422, 503)
)
def revoke(id: UUID, desk: PersonDesk) -> CommandReceipt:
    """One's own, or, for admins, anybody's in the organization; it holds at once."""
    return CommandReceipt(id=desk(RevokeToken(token_id=id)).id)
