"""Writes to whoever asked for an account and has to prove the address first; forgets those who never do.

Nothing about them is an event, so they are looked for, and not heard of. What keeps one letter from going keeps no
other one: it is tried again, or set aside with its reason.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from commands.ports import Purpose, Registration
from commands.registration import DropRegistration
from consumers.errors import Done, Park, RetryAfter, Stop, verdict
from consumers.mail import MailReaction, to_the_minute
from consumers.occasions import addressed_to
from consumers.pace import regularly
from consumers.reactions import STOPPED_FOR, Records
from domain.errors import NotFound
from domain.person import Person
from infra import logs, metrics
from infra.letters import Letter
from infra.parked import Due
from infra.redaction import in_short
from infra.registrations import Newcomer, Registrations

WRITE: Final = "write-to-newcomers"
READS: Final = "secrets.registrations"
EVERY: Final = 1.0
AT_ONCE: Final = 100
log = logging.getLogger(__name__)


class Tried(NamedTuple):
    """How often it was tried in vain, and from when on, by the monotonic clock, it is tried again."""

    attempts: int = 0
    again_at: float = 0.0


@dataclass
class NewcomersDesk:
    registrations: Registrations
    mail: MailReaction
    records: Records
    forget_letters: Callable[[UUID], None]
    _tried: dict[UUID, Tried] = field(default_factory=dict)
    _stopped_until: float = 0.0
    _complaints: logs.Complaints = field(default_factory=lambda: logs.Complaints(log))

    async def run(self) -> None:
        """Until cancelled."""
        await regularly(lambda: self.look(datetime.now(UTC)), EVERY)

    async def look(self, now: datetime) -> None:
        """Once. Whose time is over goes at any rate; who is written to waits with the mail server."""
        for person_id in await asyncio.to_thread(self.registrations.expired, now, AT_ONCE):
            try:
                await self._drop(person_id)
            except Exception as error:
                self._complaints.hear(f"registration {person_id} is dropped another time: {in_short(error)}")
        at = time.monotonic()
        waiting = [person_id for person_id, tried in self._tried.items() if tried.again_at > at]
        for newcomer in await asyncio.to_thread(self.registrations.unwritten, now, AT_ONCE, waiting):
            if time.monotonic() >= self._stopped_until:
                await self._surely(newcomer)
        await self.records.redrive(WRITE, self._again)
        await asyncio.to_thread(self._withdraw, now)

    def _withdraw(self, now: datetime) -> None:
        """Of whoever is registered by now, or never will be, nothing stays set aside: it would outlive an erasure."""
        for digest in self.records.parked.digests(WRITE):
            if self.registrations.waiting(UUID(digest), now) is None:
                self.records.parked.withdraw(WRITE, digest)

    async def _surely(self, newcomer: Newcomer) -> None:
        """Written to, or known why not."""
        person_id = newcomer.person_id
        try:
            await self._write(newcomer)
            await asyncio.to_thread(self.records.positions.go_on, WRITE)
        except Exception as error:
            attempts = self._tried.get(person_id, Tried()).attempts + 1
            match verdict(error, attempts):
                case RetryAfter(seconds):
                    metrics.RETRIES.labels(WRITE).inc()
                    self._tried[person_id] = Tried(attempts, time.monotonic() + seconds)
                    return self._complaints.hear(f"letters of registrations wait: {in_short(error)}")
                case Stop(reason):
                    log.critical("%s cannot go on: %s", WRITE, reason)
                    self._stopped_until = time.monotonic() + STOPPED_FOR
                    return await asyncio.to_thread(self.records.positions.stop, WRITE, READS, reason)
                case Park(reason):
                    await self.records.park(WRITE, 0, f"registration.{person_id}", reason, attempts, str(person_id))
                case Done(reason):
                    log.info("%s: registration %s is settled: %s", WRITE, person_id, reason)
        self._tried.pop(person_id, None)
        await asyncio.to_thread(self.registrations.note_written, person_id)

    async def _again(self, due: Due) -> None:
        """What somebody asked to be tried again; nothing, where it is over by now."""
        newcomer = await asyncio.to_thread(self.registrations.waiting, UUID(due.digest), datetime.now(UTC))
        if newcomer is not None:
            await self._write(newcomer)

    async def _write(self, newcomer: Newcomer) -> None:
        person_id = newcomer.person_id
        asked = await asyncio.to_thread(self.registrations.find, person_id)
        if asked is None:
            return await self._drop(person_id)
        holder = await asyncio.to_thread(self.mail.desk.person_of, asked.email)
        if holder is None:
            return await self.mail.send(self._verification(asked, newcomer.until), person_id, newcomer.asked_at)
        letter = addressed_to(await self.mail.desk.platform.get(Person, holder), "address_in_use")
        if letter is not None:
            await self.mail.send(letter, person_id, newcomer.asked_at)
        await self._drop(person_id)

    def _verification(self, asked: Registration, until: datetime) -> Letter:
        token = self.mail.desk.links.token(Purpose.REGISTRATION, asked.person_id, 1)
        words = {"full_name": asked.full_name, "until": to_the_minute(until)}
        return Letter(asked.email, (asked.person_id,), asked.language, "verification", "verify-email", token, words)

    async def _drop(self, person_id: UUID) -> None:
        """Key and kept letter go last, and only of somebody who is no person by then."""
        with suppress(NotFound):
            await self.mail.desk.platform.act(DropRegistration(person_id=person_id), person_id, "drop")
            await asyncio.to_thread(self.registrations.keys.erase, person_id)
            await asyncio.to_thread(self.forget_letters, person_id)
        self._tried.pop(person_id, None)
        await asyncio.to_thread(self.records.parked.withdraw, WRITE, str(person_id))
