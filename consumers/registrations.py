"""Writes to whoever asked for an account and has to prove the address first; forgets those who never do.

Nothing about them is an event, so they are looked for, and not heard of.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from commands.ports import Purpose
from commands.registration import DropRegistration
from consumers.mail import MailReaction
from consumers.occasions import addressed_to
from domain.errors import NotFound
from domain.person import Person
from infra.letters import AddressIsUnwritable, Letter
from infra.post import LetterIsRefused
from infra.registrations import Registrations

EVERY: Final = 1.0
AT_ONCE: Final = 100
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewcomersDesk:
    registrations: Registrations
    mail: MailReaction
    forget_letters: Callable[[UUID], None]

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look(datetime.now(UTC))
            await asyncio.sleep(EVERY)

    async def look(self, now: datetime) -> None:
        """Once. Whose time is over goes at any rate; who is written to waits with the mail server."""
        for person_id in await asyncio.to_thread(self.registrations.expired, now, AT_ONCE):
            await self._drop(person_id)
        for person_id, asked_at, until in await asyncio.to_thread(self.registrations.unwritten, now, AT_ONCE):
            await self._write(person_id, asked_at, until)

    async def _write(self, person_id: UUID, asked_at: datetime, until: datetime) -> None:
        asked = await asyncio.to_thread(self.registrations.find, person_id)
        if asked is None:
            return await self._drop(person_id)
        holder = await asyncio.to_thread(self.mail.desk.person_of, asked.email)
        if holder is not None:
            letter = addressed_to(await self.mail.desk.platform.get(Person, holder), "address_in_use")
        else:
            token = self.mail.desk.links.token(Purpose.REGISTRATION, person_id, 1)
            words = {"full_name": asked.full_name, "until": f"{until:%Y-%m-%d %H:%M} UTC"}
            about = (person_id,)
            letter = Letter(asked.email, about, asked.language, "verification", "verify-email", token, words)
        await self._send(letter, person_id, asked_at)
        if holder is not None:
            await self._drop(person_id)

    async def _send(self, letter: Letter | None, person_id: UUID, asked_at: datetime) -> None:
        try:
            if letter is not None:
                await self.mail.send(letter, person_id, asked_at)
        except (AddressIsUnwritable, LetterIsRefused) as error:
            log.warning("the letter of registration %s cannot go: %s", person_id, error)
        await asyncio.to_thread(self.registrations.note_written, person_id)

    async def _drop(self, person_id: UUID) -> None:
        """Key and kept letter go last, and only of somebody who is no person by then."""
        with suppress(NotFound):
            await self.mail.desk.platform.act(DropRegistration(person_id=person_id), person_id, "drop")
            await asyncio.to_thread(self.registrations.keys.erase, person_id)
            await asyncio.to_thread(self.forget_letters, person_id)
