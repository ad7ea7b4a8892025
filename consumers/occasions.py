"""On what occasions the platform writes to people: an entry in the table, a function, a template for each language."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from commands.ports import Purpose
from consumers.mail import Desk, Occasion
from domain.model import Recorded
from domain.person import Language, Person
from domain.values import Erased
from infra.letters import Letter


async def password_reset(desk: Desk, recorded: Recorded) -> Letter | None:
    return await to_person(desk, recorded, Purpose.PASSWORD_RESET, "password_reset", "reset-password")


async def verification(desk: Desk, recorded: Recorded) -> Letter | None:
    return await to_person(desk, recorded, Purpose.VERIFICATION, "verification", "verify-email")


async def to_person(desk: Desk, recorded: Recorded, purpose: Purpose, kind: str, page: str) -> Letter | None:
    """With a link that the person's event opened; nothing, once that is over or the person was erased."""
    event = recorded.event
    token = desk.links.token(purpose, event.originator_id, event.originator_version)
    link = await asyncio.to_thread(desk.links.find, purpose, token)
    person = await desk.platform.get(Person, event.originator_id)
    if link is None or link.expires_at <= datetime.now(UTC) or isinstance(person.email, Erased):
        return None
    language = Language.ENGLISH if isinstance(person.language, Erased) else person.language
    words = {"full_name": str(person.full_name), "until": f"{link.expires_at:%Y-%m-%d %H:%M} UTC"}
    return Letter(person.email, (person.id,), language, kind, page, token, words)


OCCASIONS: Final = (
    Occasion("write-on-password-reset-requested", "vistory.events.*.person.*.password_reset_requested", password_reset),
    Occasion("write-on-person-registered", "vistory.events.*.person.*.registered", verification),
    Occasion("write-on-verification-requested", "vistory.events.*.person.*.verification_requested", verification),
)
