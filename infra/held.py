"""What is held about a person beside the history and the read models: for that person's own eyes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from commands.access import Caller
from domain.model import SYSTEM, Client
from domain.person import Person
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
    errand = Errand(Caller(kind="system", id=SYSTEM), datetime.now(UTC), uuid7())
    return Unit(core.store, core.mapper, errand).find(Person, person_id)


def invitations_to(core: Core, person_id: UUID) -> list[UUID]:
    """Those that are pending; to an address that somebody has not shown to be theirs, none."""
    person = account(core, person_id)
    return core.accounts().invitations.to_person(person_id) if person and person.verified else []


def letters(core: Core, person_id: UUID) -> Iterator[dict[str, Any]]:
    """That they are kept; what lets somebody in stands in them, and is for whoever reads the mail."""
    if core.settings.data is None:
        return
    for each in Mailbox.inside(core.settings.data).about({person_id, *invitations_to(core, person_id)}):
        yield {"to": str(each.letter["to"]), "subject": str(each.letter["subject"]), "date": str(each.letter["date"])}
