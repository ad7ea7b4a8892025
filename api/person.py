"""Persons over HTTP: who am I, where am I a member, and in which language I am written to."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema
from sqlalchemy import Connection

from api import errors, watch
from api.edge import Body, CommandReceipt, Desk, OwnDesk, Person
from api.house import House, TheHouse
from api.reading import reads
from commands.access import Caller, role_of
from commands.inside import WhileClosed, has_second_factor, second_factor_is_required
from commands.person import ChooseLanguage
from domain import credentials
from domain.credentials import NewEmail
from domain.errors import Forbidden, Unauthenticated
from domain.language import Language
from domain.person import Person as Account
from domain.roles import Role, has_advanced_features
from domain.values import Personal, Value
from infra.letters import AddressIsUnwritable, addressed
from projections import membership
from projections.person import OwnOrganization, own_organizations

router = APIRouter(prefix="/auth", tags=["persons"])

Status = Literal["active", "waiting"]


def _must_be_writable(email: str) -> str:
    """Else its letter would only be set aside."""
    try:
        addressed(email)
    except AddressIsUnwritable as error:
        raise ValueError("must be an address that mail can be sent to") from error
    return email


WritableEmail = Annotated[NewEmail, AfterValidator(_must_be_writable)]


def _must_be_text(password: SecretStr) -> SecretStr:
    """JSON can name halves of characters, which nothing can hash."""
    if any("\ud800" <= character <= "\udfff" for character in password.get_secret_value()):
        raise ValueError("must be text")
    return password


Password = Annotated[SecretStr, AfterValidator(_must_be_text)]
NewPassword = Annotated[credentials.NewPassword, AfterValidator(_must_be_text)]
# Written out, not referred to: the program that tests the API by its description cannot follow that in a registration.
Spoken = Annotated[
    Language,
    WithJsonSchema({"type": "string", "enum": [*Language]}),
    Field(description="In which the platform writes to the person"),
]


class Profile(Value):
    """`second_factor_required`: until it is on, nothing but setting it up is open. `advanced_features`: whether a
    frontend offers them to this role; no request is refused for want of them.
    """

    id: UUID
    email: Personal[str]
    email_verified: bool
    full_name: Personal[str]
    avatar_name: str
    organization_id: UUID
    role: Role | None
    status: Status
    erasure_due_at: datetime | None
    second_factor: bool
    second_factor_required: bool
    advanced_features: bool


class NewLanguage(Body):
    language: Language


@router.get("/me", summary="Get your own profile", responses=errors.responses(401, 403, 503))
def me(caller: Person, house: TheHouse) -> Profile:
    return profile(house, caller)


@router.get(
    "/me/organizations",
    summary="List the organizations you can switch to",
    responses=errors.responses(401, 403, 422, 503),
)
def organizations(caller: Person, tx: Annotated[Connection, reads(membership.PROJECTION)]) -> list[OwnOrganization]:
    """Those that one can go over to (`POST /auth/switch`); where one waits is not among them."""
    return own_organizations(tx, caller.id)


@router.put(
    "/me/language", summary="Choose the language of your mail", responses=errors.responses(401, 403, 409, 413, 422, 503)
)
def speak(body: NewLanguage, desk: OwnDesk) -> CommandReceipt:
    """In which the platform writes to oneself."""
    return CommandReceipt(id=desk(ChooseLanguage(language=body.language)).id)


class WrongPassword(Forbidden):
    pass


def must_know_password(desk: Desk, password: SecretStr) -> None:
    """Whoever finds a screen unlocked does not take the account with them. Raises WrongPassword."""
    email = str(desk.house.account(desk.caller.id).email)
    found = desk.house.sign_ins.authenticated(email, password.get_secret_value(), desk.address)
    if found is None or found.person_id != desk.caller.id:
        watch.failed(desk.request, email)
        raise WrongPassword("this is not the password of your account")


def profile(house: House, caller: Caller) -> Profile:
    """From the ledger itself: true at once, also for somebody who still waits."""
    assert caller.organization_id is not None, "a person acts inside one organization"
    store = house.ledger_as(caller)
    role = role_of(caller, store, WhileClosed.ANYBODY)
    registered, account = house.registration(caller.id), store.get(Account, caller.id)
    return Profile(
        id=caller.id,
        email=account.email,
        email_verified=account.verified,
        full_name=account.full_name,
        avatar_name=registered.avatar_name,
        organization_id=caller.organization_id,
        role=role,
        status="active" if role else "waiting",
        erasure_due_at=account.erasure_due_at,
        second_factor=has_second_factor(caller.id, store),
        second_factor_required=second_factor_is_required(caller.organization_id, store),
        advanced_features=role is not None and has_advanced_features(role),
    )


def where_to(house: House, person_id: UUID) -> UUID:
    """In which organization somebody goes on who names none.

    Where they registered; else where they were last, of those where they have a role. If there is none, where they
    registered.
    """
    first, *others = house.account(person_id).organizations
    used = (each.organization_id for each in house.accounts.sessions_of(person_id))
    for at in dict.fromkeys((first, *used, *others)):
        caller = Caller(kind="person", id=person_id, organization_id=at)
        with suppress(Unauthenticated, Forbidden):
            closed = WhileClosed.ADMIN if at == first else WhileClosed.NOBODY
            if role_of(caller, house.ledger_as(caller), closed) is not None:
                return at
    return first
