"""A second factor over HTTP: set it up, sign in with it, other recovery codes, turn it off."""

from datetime import datetime
from typing import Annotated, Final

import segno
from fastapi import APIRouter
from pydantic import Field, SecretStr

from api import errors
from api.code import Shown, tried
from api.edge import AnonymousDesk, Body, CommandReceipt, OwnDesk, Person
from api.house import House, TheHouse
from api.person import Password, must_know_password
from api.session import By, SignedIn, begin
from commands.access import Caller, role_of
from commands.code import Code
from commands.inside import WhileClosed, has_second_factor, second_factor_is_required
from commands.second_factor import (
    BeginSecondFactor,
    ConfirmSecondFactor,
    RenewRecoveryCodes,
    TurnOffSecondFactor,
)
from domain.errors import Refused
from domain.session import Means
from domain.values import Value
from infra.second_factors import new_recovery_codes
from infra.secrets import Authenticated

router = APIRouter(prefix="/auth", tags=["second factor"])
COMMAND: Final = errors.responses(401, 403, 409, 413, 422, 503)


class WasShown(Refused):
    pass


class SecondFactorStatus(Value):
    """`required`: the organization asks for one. A recovery code is good once."""

    on: bool
    required: bool
    recovery_codes_left: int


class PasswordConfirmation(Body):
    password: Annotated[Password, Field(max_length=1_000)]


class SecondFactorConfirmation(Body):
    code: Annotated[Code, Field(description="The six digits that the authenticator shows")]


class SecondFactorProof(PasswordConfirmation):
    code: Shown


class SecondFactorSignIn(Body):
    challenge: Annotated[SecretStr, Field(max_length=2_000, description="What `POST /auth/login` answered")]
    code: Shown
    refresh: By = "cookie"


class SecondFactorOffer(Value):
    """For an authenticator app: `qr` is a picture of `uri`, as a data URL; `secret` is the same, to be typed."""

    secret: str = Field(repr=False)
    uri: str = Field(repr=False)
    qr: str = Field(repr=False)
    confirm_until: datetime


class RecoveryCodes(Value):
    """Each is good once in place of a code, for when the authenticator is lost. They are told here and never again."""

    recovery_codes: tuple[str, ...] = Field(repr=False)


@router.get("/second-factor", summary="Get the status of your second factor", responses=errors.responses(401, 403, 503))
def show(caller: Person, house: TheHouse) -> SecondFactorStatus:
    store = house.ledger_as(caller)
    role_of(caller, store, WhileClosed.ANYBODY)
    assert caller.organization_id is not None, "a person acts inside one organization"
    return SecondFactorStatus(
        on=has_second_factor(caller.id, store),
        required=second_factor_is_required(caller.organization_id, store),
        recovery_codes_left=house.second_factors.recovery_codes_left(caller.id),
    )


@router.post("/second-factor/begin", summary="Begin setting up a second factor", responses=COMMAND)
def offer(body: PasswordConfirmation, desk: OwnDesk, house: TheHouse) -> SecondFactorOffer:
    """A secret for an authenticator app, good for nothing until a code of it confirms it; asked again, another one."""
    must_know_password(desk, body.password)
    desk(BeginSecondFactor())
    offered = house.second_factors.offered(desk.caller.id, str(house.account(desk.caller.id).email))
    if offered is None:
        raise WasShown("this was begun before, and is confirmed since")
    qr = segno.make(offered.uri, micro=False).svg_data_uri(scale=4)
    return SecondFactorOffer(secret=offered.secret, uri=offered.uri, qr=qr, confirm_until=offered.until)


@router.post("/second-factor/confirm", summary="Confirm and turn on your second factor", responses=COMMAND)
def confirm(body: SecondFactorConfirmation, desk: OwnDesk, house: TheHouse) -> RecoveryCodes:
    """From now on signing in takes a code, too."""
    codes = new_recovery_codes()
    with tried(desk, desk.caller.id, body.code):
        desk(ConfirmSecondFactor(code=body.code, recovery_codes=codes))
    return _shown_once(codes, desk.caller, house)


@router.post("/second-factor/recovery-codes", summary="Replace your recovery codes with new ones", responses=COMMAND)
def renew(body: SecondFactorProof, desk: OwnDesk, house: TheHouse) -> RecoveryCodes:
    """Those of before are good for nothing any more."""
    codes = new_recovery_codes()
    must_know_password(desk, body.password)
    with tried(desk, desk.caller.id, body.code):
        desk(RenewRecoveryCodes(code=body.code, recovery_codes=codes))
    return _shown_once(codes, desk.caller, house)


@router.post("/second-factor/off", summary="Turn off your second factor", responses=COMMAND)
def turn_off(body: SecondFactorProof, desk: OwnDesk, house: TheHouse) -> CommandReceipt:
    """From now on the password alone signs in, but for where an organization asks for more."""
    must_know_password(desk, body.password)
    with tried(desk, desk.caller.id, body.code):
        return CommandReceipt(id=desk(TurnOffSecondFactor(code=body.code)).id)


@router.post("/login/second-factor", summary="Complete sign-in with your second factor", responses=COMMAND)
def answer(body: SecondFactorSignIn, desk: AnonymousDesk, house: TheHouse) -> SignedIn:
    """The second step of signing in, within five minutes of the first. A code is good once, and tokens shown once."""
    person_id, at, version = house.tokens.challenged(body.challenge.get_secret_value())
    with tried(desk, person_id, body.code):
        return begin(desk, Authenticated(person_id, version), at, (Means.PASSWORD,), body.refresh, body.code)


def _shown_once(codes: tuple[str, ...], caller: Caller, house: House) -> RecoveryCodes:
    """Raises WasShown where the command was done before, with codes that nobody knows any more."""
    if not house.second_factors.is_kept(caller.id, codes[0]):
        raise WasShown("this was done before, and its recovery codes were shown then; have new ones made")
    return RecoveryCodes(recovery_codes=codes)
