"""Addresses over HTTP: verified by the link of a letter, asked for again, and left for another one."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field

from api import errors
from api.edge import AnonymousDesk, Body, Made, OwnDesk
from api.house import TheHouse
from api.link import Asked, Reached, may_be_written_to, whose, write_to
from api.person import Password, WritableEmail, must_know_password
from commands.email import ChangeEmail, RequestEmailChange, RequestVerification, VerifyEmail
from commands.ports import Purpose
from commands.registration import CompleteRegistration
from domain.values import Token

router = APIRouter(tags=["persons"])
PROOFS: Final[dict[Purpose, type[VerifyEmail | ChangeEmail | CompleteRegistration]]] = {
    Purpose.VERIFICATION: VerifyEmail,
    Purpose.EMAIL_CHANGE: ChangeEmail,
    Purpose.REGISTRATION: CompleteRegistration,
}


class Proof(Body):
    token: Annotated[Token, Field(description="From the link in the mail; good once, for a day")]


class Elsewhere(Body):
    """The password once more: whoever finds a screen unlocked does not take the account with them."""

    email: WritableEmail
    password: Annotated[Password, Field(max_length=1_000)]


@router.post("/auth/verify-email", responses=errors.responses(409, 413, 422, 503))
def verify(body: Proof, desk: AnonymousDesk, house: TheHouse) -> Made:
    """Whoever has the link reads the mail to the address; an account begins by it, or is reached there from now on."""
    purpose, person_id = whose(desk, body.token, *PROOFS)
    desk(PROOFS[purpose](person_id=person_id, token=body.token))
    if purpose is Purpose.EMAIL_CHANGE:
        house.sign_ins.proven(person_id, str(house.account(person_id).email), desk.address)
    return Made(id=person_id)


@router.post("/auth/resend-verification", status_code=202, responses=errors.responses(413, 422, 503))
def resend(body: Reached, desk: AnonymousDesk, after: BackgroundTasks) -> Asked:
    """Another link goes to the address, if somebody has it who has not verified it."""

    def wish(person_id: UUID) -> RequestVerification:
        return RequestVerification(person_id=person_id)

    return write_to(body.email, wish, desk, after)


@router.post("/users/me/email", status_code=202, responses=errors.responses(401, 403, 409, 413, 422, 503))
def change(body: Elsewhere, desk: OwnDesk) -> Asked:
    """A link goes to the new address, and it is yours once you follow it; until then nothing changes."""
    must_know_password(desk, body.password)
    may_be_written_to(body.email, desk)
    desk(RequestEmailChange(email=body.email))
    return Asked()
