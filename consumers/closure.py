"""Tells the members of an organization that it was closed or is open again: each of them once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from consumers.mail import MailReaction, to_the_minute
from consumers.occasions import notice
from consumers.reactions import Reaction, Records
from domain.closure import Closure
from domain.model import Actor, Recorded
from domain.organization import Organization
from domain.person import Person
from domain.values import Erased
from infra.letters import AddressIsUnwritable, Letter
from infra.post import LetterIsRefused, LettersAreRefused
from infra.reading import Reading
from projections import membership
from projections.person import at_work_in

KINDS: Final = ("organization_closed", "organization_reopened")
"""Of letters, which are called as what they tell of."""
PATIENCE: Final = 2.0


def durable(kind: str) -> str:
    return f"write-on-{kind.replace('_', '-')}"


@dataclass(frozen=True)
class ClosureReaction:
    mail: MailReaction
    records: Records
    reading: Reading

    def reactions(self) -> tuple[Reaction, ...]:
        return tuple(
            Reaction(durable(each), (f"vistory.events.*.closure.*.{each}",), partial(self.tell, each)) for each in KINDS
        )

    async def tell(self, kind: str, recorded: Recorded) -> None:
        """Nothing, where it was closed or reopened again since. What one address refuses keeps no letter from another,
        and is set aside with the event. Raises LettersAreRefused.
        """
        refused = dict[UUID, Exception]()
        if not await self._stands(recorded):
            return
        for person_id in await asyncio.to_thread(self._members, recorded):
            try:
                await self._write_once(kind, recorded, person_id)
            except (LetterIsRefused, AddressIsUnwritable) as error:
                refused[person_id] = error
        if refused:
            raise LettersAreRefused("; ".join(f"person {id}: {error}" for id, error in refused.items()))

    async def _stands(self, recorded: Recorded) -> bool:
        event = recorded.event
        closure = await self.mail.desk.platform.get(Closure, event.originator_id)
        if isinstance(event, Closure.OrganizationClosed):
            return (closure.closed_at, closure.purge_at) == (event.timestamp, event.purge_at)
        return closure.version == event.originator_version

    def _members(self, recorded: Recorded) -> Sequence[UUID]:
        """Raises NotThereYet."""
        assert isinstance(recorded.event, Closure.OrganizationClosed | Closure.OrganizationReopened)
        self.reading.wait_until([membership.PROJECTION.name], recorded.position, PATIENCE)
        with self.reading.transaction() as tx:
            return at_work_in(tx, recorded.event.organization_id)

    async def _write_once(self, kind: str, recorded: Recorded, person_id: UUID) -> None:
        name, position = f"{durable(kind)} {person_id}", recorded.position
        if await asyncio.to_thread(self.records.done.has, name, position):
            return
        letter = await notice(self.mail.desk, recorded, person_id, kind)
        if letter is not None:
            letter = await self._worded(letter, recorded)
            await self.mail.send(letter, recorded.envelope.event, recorded.envelope.decided_at)
        await self.records.note(name, position)

    async def _worded(self, letter: Letter, recorded: Recorded) -> Letter:
        event, actor = recorded.event, recorded.envelope.actor
        assert isinstance(event, Closure.OrganizationClosed | Closure.OrganizationReopened)
        organization = await self.mail.desk.platform.get(Organization, event.organization_id)
        until = to_the_minute(event.purge_at) if isinstance(event, Closure.OrganizationClosed) else ""
        words = {"organization": organization.name, "actor": actor.kind, "until": until, **await self._by(actor)}
        (person_id,) = letter.about
        about = (person_id, actor.id) if actor.kind == "person" and actor.id != person_id else (person_id,)
        return letter._replace(about=about, words={**letter.words, **words}, apart=str(person_id))

    async def _by(self, actor: Actor) -> Mapping[str, str]:
        """Whoever keeps the machine has no name, nor has somebody who was erased since."""
        if actor.kind != "person":
            return {"by": ""}
        name = (await self.mail.desk.platform.get(Person, actor.id)).full_name
        return {"by": "" if isinstance(name, Erased) else str(name)}
