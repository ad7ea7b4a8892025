"""What is held about a person beside the history and the read models: for that person's own eyes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.inside import has_second_factor, second_factor_is_required
from domain.membership import Membership, membership_id
from domain.model import SYSTEM, Client
from domain.person import Person
from domain.roles import Role
from infra.exported import Exported
from infra.mailbox import Mailbox
from infra.unit import Errand, Unit
from infra.wiring import Core

_NOTED: Final = """
    SELECT kind, network, count, first_at, last_at FROM secrets.security_log WHERE person_id = %s ORDER BY id
"""


def begun_from(core: Core, session_id: UUID) -> Client | None:
    """Where a person signed in."""
    _, envelope = core.mapper.decode(core.store.events_of(session_id, limit=1)[0])
    return envelope.context if isinstance(envelope.context, Client) else None


def sessions(core: Core, person_id: UUID) -> Iterator[dict[str, Any]]:
    for alive in core.accounts().sessions_of(person_id):
        where = begun_from(core, alive.id)
        yield {**alive._asdict(), "address": where and where.address, "device": where and where.agent}


def security_log(core: Core, person_id: UUID) -> Iterator[dict[str, Any]]:
    with core.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        yield from cursor.execute(_NOTED, (person_id,))


def account(core: Core, person_id: UUID) -> Person | None:
    return _ledger(core).find(Person, person_id)


def memberships(core: Core, person_id: UUID) -> list[Membership]:
    """Also those that ended."""
    store, person = _ledger(core), account(core, person_id)
    ids = [membership_id(at, person_id) for at in (person.organizations if person else ())]
    return [found for id in ids if (found := store.find(Membership, id))]


def exported(core: Core, person_id: UUID) -> Exported:
    """An organization whose second factor the person lacks is not open to them, whichever one they ask from."""
    store = _ledger(core)
    roles = {each.organization_id: each.role for each in memberships(core, person_id) if each.active}
    if not has_second_factor(person_id, store):
        roles = {at: role for at, role in roles.items() if not second_factor_is_required(at, store)}
    admin_of = frozenset(at for at, role in roles.items() if role is Role.ADMIN)
    return Exported(person_id, pending_invitations(core, person_id), frozenset(roles), admin_of)


def pending_invitations(core: Core, person_id: UUID) -> frozenset[UUID]:
    """Sent by the person, or to them."""
    return frozenset({*core.accounts().invitations.by(person_id), *invitations_to(core, person_id)})


def _ledger(core: Core) -> Unit:
    errand = Errand(Caller(kind="system", id=SYSTEM), datetime.now(UTC), uuid7())
    return Unit(core.store, core.mapper, errand)


def invitations_to(core: Core, person_id: UUID) -> list[UUID]:
    """Those that are pending; to an address that somebody has not shown to be theirs, none."""
    person = account(core, person_id)
    return core.accounts().invitations.to_person(person_id) if person and person.verified else []


def letters(core: Core, person_id: UUID) -> Iterator[dict[str, Any]]:
    """That they are kept; what lets somebody in stands in them, and is for whoever reads the mail.

    Those to the person, and of invitations that are theirs; what tells of them and went to others has their addresses.
    """
    if core.settings.data is None:
        return
    theirs = {person_id, *pending_invitations(core, person_id)}
    for each in Mailbox.inside(core.settings.data).about(theirs):
        if each.goes_to in theirs:
            letter = each.letter
            yield {"to": str(letter["to"]), "subject": str(letter["subject"]), "date": str(letter["date"])}
