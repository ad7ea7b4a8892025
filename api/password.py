"""Passwords over HTTP: whoever forgot theirs is sent a link, and sets another by it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field

from api import errors
from api.edge import AnonymousDesk, Body, CommandReceipt
from api.house import TheHouse
from api.link import EmailOnly, LetterPromise, whose, write_to
from api.person import NewPassword
from commands.password import RequestPasswordReset, ResetPassword
from commands.ports import Purpose
from domain.values import Flag, Token

router = APIRouter(prefix="/auth", tags=["persons"])


class PasswordReset(Body):
    """API tokens are revoked, but for `keep_tokens`: of who only forgot the password, and made each of them."""

    token: Annotated[Token, Field(description="From the link in the mail; good once, for an hour")]
    password: NewPassword
    keep_tokens: Flag = False


@router.post(
    "/forgot-password",
    summary="Ask for a link to reset your password",
    status_code=202,
    responses=errors.responses(413, 422, 503),
)
def forgot(body: EmailOnly, desk: AnonymousDesk, after: BackgroundTasks) -> LetterPromise:
    """A link goes to the address, if somebody has it."""

    def wish(person_id: UUID) -> RequestPasswordReset:
        return RequestPasswordReset(person_id=person_id)

    return write_to(body.email, wish, desk, after)


@router.post(
    "/reset-password", summary="Reset your password with a mailed link", responses=errors.responses(409, 413, 422, 503)
)
def reset(body: PasswordReset, desk: AnonymousDesk, house: TheHouse) -> CommandReceipt:
    """Every session ends, API tokens are revoked, another address that was wished for does not take the place of yours.

    Whoever had the old password signs in with the new one, or not at all.
    """
    if before := desk.before():
        return CommandReceipt(id=before.id)
    _, person_id = whose(desk, body.token, Purpose.PASSWORD_RESET)
    begun = house.accounts.sessions_of(person_id)
    desk(ResetPassword(person_id=person_id, **dict(body)))
    for each in begun:
        house.ended.note(each.id)
    house.sign_ins.proven(person_id, str(house.account(person_id).email), desk.address)
    return CommandReceipt(id=person_id)
