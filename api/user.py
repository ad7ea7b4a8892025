"""One's own account over HTTP: what is held about me, erase me, I stay after all."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response

from api import errors
from api.edge import Body, CommandReceipt, Empty, OwnDesk, Person
from api.house import House, TheHouse
from api.link import may_be_written_to
from api.threads import fetches
from commands.access import Caller
from commands.erasure import OWN_DATA, CancelErasure, RequestErasure
from commands.person import RenameSelf
from domain.person import Person as Account
from domain.values import PlainName, Value

router = APIRouter(prefix="/users/me", tags=["persons"])
COMMAND = errors.responses(401, 403, 409, 413, 422, 503)


class NewFullName(Body):
    full_name: PlainName


class Export(Value):
    """All that is held about you; the address is good for five minutes."""

    made_at: datetime
    url: str


class Erasure(Value):
    """Until `due_at` the erasure can be cancelled."""

    id: UUID
    due_at: datetime | None


@router.get(
    "/export",
    summary="Export your personal data",
    response_model=Export,
    responses=errors.responses(401, 403, 503) | {202: {"description": "Being made: ask again"}},
)
@fetches
def export(caller: Person, house: TheHouse) -> Export | Response:
    """As JSON. It is made in the background when it is first asked for, and anew after ten minutes.

    Also where one was removed or is deactivated.
    """
    OWN_DATA.let(caller, house.ledger_as(caller))
    made_at = house.exports.ask(caller.id)
    if made_at is None:
        return Response(status_code=202, headers={"Retry-After": "1"})
    return Export(made_at=made_at, url=house.exports.address(caller.id))


@router.patch("", summary="Change your full name", responses=COMMAND)
def rename(body: NewFullName, desk: OwnDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(RenameSelf(full_name=body.full_name)).id)


@router.delete("", summary="Erase your account", status_code=202, responses=COMMAND)
def erase(desk: OwnDesk, house: TheHouse) -> Erasure:
    """After some days, for good: what is personal about you goes, and what you did stays under your avatar name.

    Also where one was removed or is deactivated. Refused while an organization would be left without an admin, or a
    project without its owner; one that is closed is waited for until it has ended. A letter tells of it.
    """
    wish, account = RequestErasure(days=house.settings.erasure_days), house.account(desk.caller.id)
    desk.admit(wish)
    if account.erasure_due_at is None and not desk.before():
        may_be_written_to(str(account.email), desk)
    desk(wish)
    return _leaving(house, desk.caller)


@router.post("/erasure/cancel", summary="Cancel the erasure of your account", responses=COMMAND)
def stay(desk: OwnDesk, house: TheHouse, body: Empty | None = None) -> Erasure:
    desk(CancelErasure())
    return _leaving(house, desk.caller)


def _leaving(house: House, caller: Caller) -> Erasure:
    return Erasure(id=caller.id, due_at=house.ledger_as(caller).get(Account, caller.id).erasure_due_at)
