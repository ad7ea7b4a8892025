"""Whoever was erased, as the ledger has it: the key goes at once, and goes again where a backup brought it back."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import psycopg

from commands.access import Caller
from commands.erasure import ErasePerson
from commands.ports import Accepted
from domain.invitation import Invitation
from domain.model import SYSTEM
from infra.dispatch import Dispatch
from infra.invitation import over
from infra.mailbox import Mailbox
from infra.personal_objects import PersonalObjects
from infra.registrations import dropped
from infra.unit import Errand
from infra.wiring import Core

# A letter that was under way at that moment is kept by then, and what was broken off is gone on with.
LATELY: Final = timedelta(hours=1)
# An export is there so soon after what it tells was read.
MADE_WITHIN: Final = timedelta(minutes=5)
_ERASED = "SELECT originator_id FROM ledger.events WHERE topic = 'person.erased'"


def erased(core: Core) -> list[UUID]:
    with core.pool.connection() as connection:
        return people(connection)


def people(connection: psycopg.Connection) -> list[UUID]:
    """By the ledger that this connection leads to."""
    return [id for (id,) in connection.execute(_ERASED)]


def forget_letters(core: Core, *people: UUID) -> None:
    """Those that the embedded mail server keeps, to them and about them: of these, and of whoever was erased lately."""
    with core.pool.connection() as connection:
        lately = connection.execute(f"{_ERASED} AND recorded_at > %s", (datetime.now(UTC) - LATELY,)).fetchall()
    if core.settings.data is not None:
        Mailbox.inside(core.settings.data).forget({*people, *(id for (id,) in lately)})


def forget_exports(core: Core) -> None:
    """Those made before somebody was erased lately: also where the erasure was broken off before it got to them, and
    what was read before it and put there a moment after it.
    """
    query = "SELECT max(recorded_at) FROM ledger.events WHERE topic = 'person.erased' AND recorded_at > %s"
    with core.pool.connection() as connection:
        (last,) = connection.execute(query, (datetime.now(UTC) - LATELY,)).fetchone() or (None,)
    if last is not None:
        PersonalObjects.open(core.settings).sweep(last + MADE_WITHIN)


def gone(connection: psycopg.Connection) -> list[UUID]:
    """All whose key may not come back: people who were erased, registrations dropped, and invitations that are over."""
    return people(connection) + dropped(connection) + over(connection)


def forget_invitations(core: Core) -> None:
    """Those that are over: the key that sealed what is personal in each, the letters that are kept here, and what was
    exported for whoever sent them, or was sent them.
    """
    accounts, invitations = core.accounts(), core.accounts().invitations
    while ended := invitations.over():
        addressees = [id for address in _addresses(core, ended) if (id := accounts.person_of(address))]
        objects, told = PersonalObjects.open(core.settings), {*invitations.inviters(ended), *addressees}
        for person_id in told:  # while it is still known whom it was sent to, also if this is broken off here
            objects.forget(person_id)
        for id in ended:
            core.keys.erase(id)
        forget_letters(core, *ended)
        for person_id in told:
            objects.forget(person_id)
        invitations.settle(ended)


def _addresses(core: Core, ended: Iterable[UUID]) -> Iterator[str]:
    """Where the key is gone already, what was exported of it is, too."""
    for id in ended:
        event, _ = core.mapper.decode(core.store.events_of(id, limit=1)[0])
        if isinstance(event, Invitation.Sent) and isinstance(event.email, str):
            yield event.email


def destroy_keys_of_invitations(core: Core) -> None:
    """Of all that were ever over, also where an older key was brought back."""
    with core.pool.connection() as connection:
        ended = over(connection)
    for id in core.keys.kept_of(ended):
        core.keys.erase(id)


def destroy_keys_of_dropped(core: Core) -> None:
    """Of all whose registration was ever dropped, also where an older key was brought back."""
    with core.pool.connection() as connection:
        ids = dropped(connection)
    for id in core.keys.kept_of(ids):
        core.keys.erase(id)


def destroy_keys(core: Core) -> list[UUID]:
    """Of whoever was erased and has one: it was brought back with the keys of before. Returns whose."""
    returned = core.keys.kept_of(erased(core))
    for person_id in returned:
        core.keys.erase(person_id)
    return returned


def erase(core: Core, dispatch: Dispatch, person_id: UUID) -> Accepted:
    """Once; asked again, the same receipt. Invitations to and by the person go with it, and whatever was exported for
    anybody before: it may tell of the person.

    Raises what keeps the person from going.
    """
    caller = Caller(kind="system", id=SYSTEM)
    errand = Errand(caller, datetime.now(UTC), command_of(person_id), fingerprint=b"")
    accepted = dispatch(ErasePerson(person_id=person_id), errand)
    core.keys.erase(person_id)
    forget_invitations(core)
    PersonalObjects.open(core.settings).clear()
    forget_letters(core, person_id)
    return accepted


def command_of(person_id: UUID) -> UUID:
    """Whoever erases, and however often: it is one command."""
    return uuid5(person_id, "erase")
