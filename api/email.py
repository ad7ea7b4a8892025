"""Addresses over HTTP: verified by the link of a letter, asked for again, and left for another one."""

from contextlib import nullcontext
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field

from api import errors
from api.code import Shown, tried
from api.edge import AnonymousDesk, Body, CommandReceipt, OwnDesk
from api.house import TheHouse
from api.link import EmailOnly, LetterPromise, may_be_written_to, whose, write_to
from api.person import Password, WritableEmail, must_know_password
from commands.code import must_give_code
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


class EmailProof(Body):
    token: Annotated[Token, Field(description="From the link in the mail; good once, for a day")]


class EmailChange(Body):
    """The password once more, and a code where a second factor is on: whoever finds a screen unlocked does not take the
    account with them.
    """

    email: WritableEmail
    password: Annotated[Password, Field(max_length=1_000)]
    code: Shown | None = None


@router.post(
    "/auth/verify-email", summary="Verify an email address with a link", responses=errors.responses(409, 413, 422, 503)
)
def verify(body: EmailProof, desk: AnonymousDesk, house: TheHouse) -> CommandReceipt:
    """Whoever has the link reads the mail to the address; an account begins by it, or is reached there from now on."""
    if before := desk.before():
        return CommandReceipt(id=before.id)
    purpose, person_id = whose(desk, body.token, *PROOFS)
    desk(PROOFS[purpose](person_id=person_id, token=body.token))
    if purpose is Purpose.EMAIL_CHANGE:
        house.sign_ins.proven(person_id, str(house.account(person_id).email), desk.address)
    return CommandReceipt(id=person_id)


@router.post(
    "/auth/resend-verification",
    summary="Ask for another email verification link",
    status_code=202,
    responses=errors.responses(413, 422, 503),
)
def resend(body: EmailOnly, desk: AnonymousDesk, after: BackgroundTasks) -> LetterPromise:
    """Another link goes to the address, if somebody has it who has not verified it."""

    def wish(person_id: UUID) -> RequestVerification:
        return RequestVerification(person_id=person_id)

    return write_to(body.email, wish, desk, after)


@router.post(
    "/users/me/email",
    summary="Change your email address",
    status_code=202,
    responses=errors.responses(401, 403, 409, 413, 422, 503),
)
def change(body: EmailChange, desk: OwnDesk) -> LetterPromise:
    """A link goes to the new address, and it is yours once you follow it; until then nothing changes.

    The address of before is told at once. Signing out everywhere, or setting another password, ends the link.
    """
    if desk.before():
        return LetterPromise()
    must_know_password(desk, body.password)
    must_give_code(desk.house.ledger_as(desk.caller), desk.caller.id, body.code)
    may_be_written_to(body.email, desk)
    with tried(desk, desk.caller.id, body.code) if body.code else nullcontext():
        desk(RequestEmailChange(email=body.email, code=body.code))
    return LetterPromise()
