"""Service accounts over HTTP: make one, name it, shut it out or delete it, and give it API tokens."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.api_token import IssuedToken, ListedToken, TokenRequest, shown_once, with_last_use
from api.edge import Body, CommandReceipt, Empty, Holder, PersonDesk
from api.house import House, TheHouse
from api.reading import After, Colleague, Known, Limit, may, reads
from commands.service_account import (
    ChangeServiceRole,
    CreateServiceAccount,
    CreateServiceToken,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    RevokeServiceToken,
    Subscribe,
    Unsubscribe,
)
from domain.errors import NotFound
from domain.roles import Permission, Role
from domain.service_account import SubscriptionStart
from domain.values import PlainName, Value
from infra.nats_users import DOOR, without_credentials
from infra.streams import EVENTS
from infra.subscribers import Subscriber, Subscribers
from projections import api_token, service_account
from projections.api_token import list_tokens, owners_of_tokens
from projections.paging import Page
from projections.service_account import ServiceAccountRow, find_service_account, list_service_accounts

router = APIRouter(prefix="/service-accounts", tags=["service accounts"])
Reading = Annotated[Connection, reads(service_account.PROJECTION, api_token.PROJECTION)]
Keeper = Annotated[Known, Depends(may(Permission.MANAGE_SERVICE_ACCOUNTS))]
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)


class NewServiceAccount(Body):
    """Any role but admin, and none that you may not grant."""

    name: PlainName
    role: Role = Role.GUEST


class NewName(Body):
    name: PlainName


class NewServiceAccountRole(Body):
    role: Role


class ServiceAccount(ServiceAccountRow):
    """`last_used_at` is when any of its tokens was used last, true to a minute; null where none ever was."""

    status: Literal["active", "disabled"]
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: ServiceAccountRow, last_used_at: datetime | None) -> Self:
        status = "disabled" if row.disabled_at else "active"
        return cls(**dict(row), status=status, last_used_at=last_used_at)


class NewSubscription(Body):
    since: SubscriptionStart = SubscriptionStart.BEGINNING


class Subscription(Value):
    """Where and how it fetches: its `consumer` of a `stream`, at `server`, through the JetStream API at `prefix`.

    All before `position` is acknowledged, as of a few seconds ago.
    """

    server: str
    prefix: str
    stream: str
    consumer: str
    subject: str
    position: int

    @classmethod
    def of(cls, row: Subscriber, house: House) -> Self:
        where = {"server": without_credentials(house.settings.need("nats_url")), "prefix": DOOR, "stream": EVENTS}
        return cls(**where, consumer=row.name, subject=row.hears, position=row.position)


@router.post(
    "", summary="Create a service account", status_code=201, responses=errors.responses(401, 403, 409, 413, 422, 503)
)
def create(body: NewServiceAccount, desk: PersonDesk) -> CommandReceipt:
    """It belongs to the organization, takes no seat, and acts by its API tokens alone."""
    return CommandReceipt(id=desk(CreateServiceAccount(service_account_id=uuid7(), name=body.name, role=body.role)).id)


@router.get("", summary="List service accounts", responses=errors.responses(401, 403, 422, 503))
def index(
    colleague: Colleague, tx: Reading, house: TheHouse, after: After = None, limit: Limit = 50
) -> Page[ServiceAccount]:
    page = list_service_accounts(tx, colleague.organization_id, after=after, limit=limit)
    return Page(_with_last_use(page.items, colleague, tx, house), page.next)


@router.get("/{id}", summary="Get a service account", responses=errors.responses(401, 403, 404, 422, 503))
def show(id: UUID, colleague: Colleague, tx: Reading, house: TheHouse) -> ServiceAccount:
    (found,) = _with_last_use([_found(tx, colleague, id)], colleague, tx, house)
    return found


@router.patch("/{id}", summary="Rename a service account", responses=COMMAND)
def rename(id: UUID, body: NewName, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(RenameServiceAccount(service_account_id=id, name=body.name)).id)


@router.patch("/{id}/role", summary="Change a service account's role", responses=COMMAND)
def change_role(id: UUID, body: NewServiceAccountRole, desk: PersonDesk) -> CommandReceipt:
    """It holds at once, for every token of it."""
    return CommandReceipt(id=desk(ChangeServiceRole(service_account_id=id, role=body.role)).id)


@router.post("/{id}/disable", summary="Disable a service account", responses=COMMAND)
def disable(id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    """Shut it out at once; its tokens are good again when it is enabled."""
    return CommandReceipt(id=desk(DisableServiceAccount(service_account_id=id)).id)


@router.post("/{id}/enable", summary="Enable a service account", responses=COMMAND)
def enable(id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(EnableServiceAccount(service_account_id=id)).id)


@router.delete("/{id}", summary="Delete a service account", responses=COMMAND)
def delete(id: UUID, desk: PersonDesk) -> CommandReceipt:
    """For good, and all its tokens with it; what it made stays."""
    return CommandReceipt(id=desk(DeleteServiceAccount(service_account_id=id)).id)


@router.post("/{id}/tokens", summary="Create an API token for a service account", status_code=201, responses=COMMAND)
def create_token(id: UUID, body: TokenRequest, desk: PersonDesk) -> IssuedToken:
    """For the program to carry; it is told here and never again."""
    return shown_once(desk, CreateServiceToken, body, service_account_id=id)


@router.get(
    "/{id}/tokens", summary="List a service account's API tokens", responses=errors.responses(401, 403, 404, 422, 503)
)
def tokens(
    id: UUID, keeper: Keeper, tx: Reading, house: TheHouse, after: After = None, limit: Limit = 50
) -> Page[ListedToken]:
    owner = _found(tx, keeper, id).id
    return with_last_use(list_tokens(tx, keeper.organization_id, owner_id=owner, after=after, limit=limit), house)


@router.delete("/{id}/tokens/{token_id}", summary="Revoke a service account's API token", responses=COMMAND)
def revoke_token(id: UUID, token_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """It holds at once."""
    return CommandReceipt(id=desk(RevokeServiceToken(service_account_id=id, token_id=token_id)).id)


@router.post("/{id}/subscription", summary="Subscribe a service account to all events", responses=COMMAND)
def subscribe(id: UUID, desk: PersonDesk, body: NewSubscription | None = None) -> CommandReceipt:
    """Let it hear every event of the organization on the bus, what is private to somebody among them; for admins.

    It knocks with an API token of its own, for the scope audit, as the password; see the guide for subscribers.
    """
    return CommandReceipt(id=desk(Subscribe(service_account_id=id, since=(body or NewSubscription()).since)).id)


def _finder(id: UUID, caller: Holder, house: TheHouse) -> Known:
    """The account itself by the scope with which it knocks, anybody else as they see accounts."""
    return may(Permission.READ_HISTORY if caller.id == id else Permission.READ_MEMBERS)(caller, house)


@router.get(
    "/{id}/subscription",
    summary="Get a service account's event subscription",
    responses=errors.responses(401, 403, 404, 422, 503),
)
def subscription(id: UUID, finder: Annotated[Known, Depends(_finder)], tx: Reading, house: TheHouse) -> Subscription:
    row = Subscribers(house.core.pool).of(_found(tx, finder, id).id)
    if row is None or row.organization_id != finder.organization_id:
        raise NotFound("this service account has no place on the bus; an admin can let it subscribe")
    return Subscription.of(row, house)


@router.delete("/{id}/subscription", summary="Unsubscribe a service account from events", responses=COMMAND)
def unsubscribe(id: UUID, desk: PersonDesk) -> CommandReceipt:
    """It is sent away within ten seconds; where it stood is forgotten."""
    return CommandReceipt(id=desk(Unsubscribe(service_account_id=id)).id)


def _found(tx: Connection, member: Known, id: UUID) -> ServiceAccountRow:
    if row := find_service_account(tx, member.organization_id, id):
        return row
    raise NotFound(f"there is no service account {id}")


def _with_last_use(rows: list[ServiceAccountRow], member: Known, tx: Connection, house: House) -> list[ServiceAccount]:
    owners = owners_of_tokens(tx, member.organization_id, [row.id for row in rows])
    used: dict[UUID, datetime] = {}
    for token_id, at in house.api_tokens.last_uses(owners).items():
        used[owners[token_id]] = max(at, used.get(owners[token_id], at))
    return [ServiceAccount.of(row, used.get(row.id)) for row in rows]
