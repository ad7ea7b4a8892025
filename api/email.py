"""Addresses over HTTP: verified by the link of a letter, which can be asked for again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks
from pydantic import Field

from api import errors
from api.edge import AnonymousDesk, Body, Made
from api.link import Asked, Reached, whose, write_to
from commands.email import RequestVerification, VerifyEmail
from commands.ports import Purpose
from domain.values import Token

router = APIRouter(prefix="/auth", tags=["persons"])


class Proof(Body):
    token: Annotated[Token, Field(description="From the link in the mail; good once, for a day")]


@router.post("/verify-email", responses=errors.responses(409, 413, 422, 503))
def verify(body: Proof, desk: AnonymousDesk) -> Made:
    """Whoever has the link reads the mail to the address; nobody need be signed in."""
    _, person_id = whose(desk, body.token, Purpose.VERIFICATION)
    return Made(id=desk(VerifyEmail(person_id=person_id, token=body.token)).id)


@router.post("/resend-verification", status_code=202, responses=errors.responses(413, 422, 503))
def resend(body: Reached, desk: AnonymousDesk, after: BackgroundTasks) -> Asked:
    """Another link goes to the address, if somebody has it who has not verified it."""

    def wish(person_id: UUID) -> RequestVerification:
        return RequestVerification(person_id=person_id)

    return write_to(body.email, wish, desk, after)
