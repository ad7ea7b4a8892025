"""Writes to people when something concerns them: each event once, in their language, to where they are reached now.

What a letter says of people is read when it is sent, and kept nowhere. A letter comes twice only where the process, the
server or the line between them ends before our own note that the server keeps it; both have one Message-ID.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from consumers.acting import Platform
from consumers.reactions import Reaction
from domain.model import Recorded
from infra.letters import Letter, message
from infra.links import Links
from infra.post import Post


def to_the_minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Desk:
    """What is asked for while a letter is written."""

    platform: Platform
    links: Links
    person_of: Callable[[str], UUID | None]


class Occasion(NamedTuple):
    """The name is the durable's too, and never changes; `write` says nothing where there is nobody to write to."""

    name: str
    filter: str
    write: Callable[[Desk, Recorded], Awaitable[Letter | None]]


@dataclass(frozen=True)
class MailReaction:
    desk: Desk
    post: Post
    frontend_url: str

    def reactions(self, occasions: tuple[Occasion, ...]) -> tuple[Reaction, ...]:
        return tuple(Reaction(each.name, (each.filter,), partial(self._send, each)) for each in occasions)

    async def _send(self, occasion: Occasion, recorded: Recorded) -> None:
        letter = await occasion.write(self.desk, recorded)
        if letter is not None:
            await self.send(letter, recorded.envelope.event, recorded.envelope.decided_at)

    async def send(self, letter: Letter, event: UUID, at: datetime) -> None:
        """Under a Message-ID that the same event has again. Raises PostIsAway and what else keeps it from going."""
        await self.post.send(message(letter, self.post.mail.sender, self.frontend_url, event, at))
