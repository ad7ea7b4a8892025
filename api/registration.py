"""Registration over HTTP: at once, or once the address is proven, as the operator of the platform chose."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from uuid_utils.compat import uuid7

from api import errors
from api.edge import AnonymousDesk, Body
from api.house import TheHouse
from api.link import LetterPromise, may_be_written_to
from api.person import NewPassword, Spoken, Status, WritableEmail
from commands.access import Caller
from commands.inside import role_of_person
from commands.person import RegisterPerson
from commands.registration import RequestRegistration
from domain.language import Language
from domain.membership import Membership, membership_id
from domain.roles import Role
from domain.values import PlainName, Value
from infra.avatar_name import avatar_name

router = APIRouter(prefix="/auth", tags=["persons"])
BY_MAIL: dict[int | str, dict[str, Any]] = {
    202: {"model": LetterPromise, "description": "A letter goes to the address, whether somebody has it or not"}
}


class Registration(Body):
    email: WritableEmail
    full_name: PlainName
    password: NewPassword
    company: PlainName
    division: PlainName
    language: Spoken = Language.ENGLISH


class RegisteredPerson(Value):
    id: UUID
    organization_id: UUID
    avatar_name: str
    status: Status
    role: Role | None


@router.post(
    "/register",
    summary="Register a new account",
    status_code=201,
    response_model=RegisteredPerson,
    responses=errors.responses(409, 413, 422, 503) | BY_MAIL,
)
def register(body: Registration, desk: AnonymousDesk, house: TheHouse) -> RegisteredPerson | JSONResponse:
    """Where the address is to be proven first, nothing tells whether somebody has it: the account begins by a link."""
    fields = {"person_id": uuid7(), "avatar_name": avatar_name(), **dict(body)}
    if house.settings.verify_first:
        may_be_written_to(body.email, desk)
        desk(RequestRegistration(**fields))
        return JSONResponse(LetterPromise().model_dump(), 202)
    accepted = desk(RegisterPerson(**fields))
    person = house.registration(accepted.id)
    # Also where the organization is closed at this moment: it let the person in before.
    store = house.ledger_as(Caller(kind="person", id=accepted.id, organization_id=person.organization_id))
    role = role_of_person(store.find(Membership, membership_id(person.organization_id, accepted.id)))
    return RegisteredPerson(
        id=accepted.id,
        organization_id=person.organization_id,
        avatar_name=person.avatar_name,
        status="active" if role else "waiting",
        role=role,
    )
