"""Passwords over HTTP: whoever forgot theirs is sent a link, and sets another by it."""

import logging
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field

from api import errors
from api.edge import AnonymousDesk, Body, Desk, Made
from api.house import House, TheHouse
from api.person import Email, NewPassword
from commands.link import LinkIsOver
from commands.password import RequestPasswordReset, ResetPassword
from commands.ports import Purpose
from domain.values import Token, Value

router = APIRouter(prefix="/auth", tags=["persons"])
log = logging.getLogger(__name__)


class Forgotten(Body):
    email: Email


class Asked(Value):
    """The same whether somebody has this address or not."""

    status: Literal["asked"] = "asked"


class Reset(Body):
    token: Annotated[Token, Field(description="From the link in the mail; good once, for an hour")]
    password: NewPassword


@router.post("/forgot-password", status_code=202, responses=errors.responses(413, 422, 503))
def forgot(body: Forgotten, desk: AnonymousDesk, house: TheHouse, after: BackgroundTasks) -> Asked:
    """A link goes to the address, if somebody has it; looked up once this is answered, so that no clock tells."""
    desk.request.app.state.limits.letters.take(house.accounts.digest(body.email))
    after.add_task(_remind, body.email, desk, house)
    return Asked()


@router.post("/reset-password", responses=errors.responses(409, 413, 422, 503))
def reset(body: Reset, desk: AnonymousDesk, house: TheHouse) -> Made:
    """Every session ends: whoever had the old password signs in with the new one, or not at all."""
    person_id = _whose(house, body)
    begun = house.accounts.sessions_of(person_id)
    desk(ResetPassword(person_id=person_id, token=body.token, password=body.password))
    for each in begun:
        house.ended.note(each.id)
    house.sign_ins.forget(person_id)
    return Made(id=person_id)


def _remind(email: str, desk: Desk, house: House) -> None:
    try:
        if person_id := house.accounts.person_of(email):
            desk(RequestPasswordReset(person_id=person_id))
    except Exception:
        log.exception("somebody who forgot a password was sent nothing")


def _whose(house: House, body: Reset) -> UUID:
    link = house.core.links().find(Purpose.PASSWORD_RESET, body.token.get_secret_value())
    if link is None:
        raise LinkIsOver("this link was used already, or never sent")
    return link.subject
