"""What goes into the security log: sign-ins that failed, and who asked for what is behind another organization's wall.

It is looked up once the answer is out: so no clock tells an address or a thing of others from one that nobody has.
"""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID

from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection

from api.house import House, house_of
from commands.access import Caller
from domain.membership import Membership, membership_id
from domain.model import PLATFORM
from infra.security import SecurityEventKind
from projections.models import job_of_model

# Of one request.
MOST: Final = 20
log = logging.getLogger(__name__)


def failed(asked: HTTPConnection, email: str) -> None:
    """Remembers that a password for this address was wrong; it is counted once the refusal was sent."""
    asked.state.failed_as = email


def named(asked: HTTPConnection, caller: Caller, id: UUID) -> None:
    """For what somebody asks, from inside which organization, where neither the address nor a command says so."""
    asked.state.caller, asked.state.named = caller, id


def after(asked: HTTPConnection, status: int) -> BackgroundTask | None:
    """What is to be done once a request was answered."""
    address = asked.client.host if asked.client else ""
    if (email := getattr(asked.state, "failed_as", None)) is not None:
        return BackgroundTask(house_of(asked).sign_ins.note_failure, email, address)
    caller: Caller | None = getattr(asked.state, "caller", None)
    if status != 404 or caller is None or caller.organization_id is None:
        return None
    return BackgroundTask(_note, house_of(asked), caller, address, list(islice(_ids(asked), MOST)))


def _note(house: House, caller: Caller, address: str, ids: list[UUID]) -> None:
    try:
        for organization_id in {each for id in ids if (each := _beyond(house, caller, id))}:
            inside = {"person_id": caller.id, "organization_id": caller.organization_id}
            house.security.note(SecurityEventKind.REACHED_OUT, address, **inside)
            house.security.note(SecurityEventKind.REACHED_IN, organization_id=organization_id)
    except Exception:
        log.exception("it could not be noted that somebody asked for a thing of others")


def _ids(asked: HTTPConnection) -> Iterator[UUID]:
    """Of the address and of the command that was made of the body, and what was named beside them."""
    command, beside = getattr(asked.state, "command", None), getattr(asked.state, "named", None)
    for said in (*asked.path_params.values(), *asked.query_params.values(), *(v for _, v in command or ()), beside):
        try:
            yield UUID(str(said))
        except ValueError:
            continue


def _beyond(house: House, caller: Caller, id: UUID) -> UUID | None:
    """Whose it is, if it is another organization's; what is a person's is of every one where the person is."""
    first = house.core.store.events_of(id, limit=1)
    if not first:
        job_id = house.reading.ask(partial(job_of_model, id=id), None)
        return _beyond(house, caller, job_id) if job_id else None
    event, envelope = house.core.mapper.decode(first[0])
    if envelope.organization != PLATFORM:
        return envelope.organization if envelope.organization != caller.organization_id else None
    person_id: UUID = getattr(event, "person_id", id)
    assert caller.organization_id is not None, "only who is inside one is watched"
    inside = house.ledger_as(caller).find(Membership, membership_id(caller.organization_id, person_id))
    return None if inside else getattr(event, "organization_id", None)
