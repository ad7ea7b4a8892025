"""What came by mail: written on what happened as the consumers do, by way of a real mail server."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from consumers.acting import Platform
from consumers.closure import ClosureReaction
from consumers.mail import Desk, MailReaction
from consumers.occasions import OCCASIONS
from consumers.reactions import Records
from infra.config import Settings
from infra.host import Host
from infra.mailbox import Kept, Mailbox
from infra.parked import Parked
from infra.positions import DoneSet, Positions
from infra.post import Post
from infra.wiring import Core
from tests.servers import Servers

UNNAMED = dict.fromkeys(("contents", "places", "trainers", "usage", "trainings"))
Delivered = Callable[[], list[Kept]]


@contextmanager
def delivering(settings: Settings, servers: Servers) -> Iterator[Delivered]:
    """Asked, it writes on all that happened since it was asked last, and answers what came, the newest first."""
    box, seen = Mailbox(servers.stack.folder / "mail"), 0
    with Host.open(settings) as host:
        core = host.core
        mail = mail_of(core, servers)
        reactions = (*mail.reactions(OCCASIONS), *ClosureReaction(mail, records_of(core), host.reading).reactions())

        def deliver() -> list[Kept]:
            nonlocal seen
            before = {each.number for each in box.letters()}
            for row in core.store.read(seen, 10_000):
                recorded = core.mapper.recorded(row.stored, row.position, row.recorded_at)
                for each in reactions:
                    if each.filters[0].split(".")[-3::2] == recorded.topic.split("."):
                        asyncio.run(each.effect(recorded))
                seen = row.position
            return [each for each in box.letters() if each.number not in before]

        yield deliver


def mail_of(core: Core, servers: Servers) -> MailReaction:
    platform = Platform(core.store, core.mapper, core.dispatch(core.accounts(), UNNAMED))
    desk = Desk(platform, core.links(), core.accounts().person_of)
    return MailReaction(desk, Post(servers.parts.mail_settings), "https://vistory.example")


async def unheard(subject: str, data: bytes) -> None:
    """What is parked is told on the bus, too; here nobody listens."""


def records_of(core: Core) -> Records:
    return Records(DoneSet(core.pool), Parked(core.pool), Positions(core.pool), unheard)


def token_in(letter: Kept, page: str) -> str:
    found = re.search(rf"https://vistory\.example/{page}#token=([\w-]+)", letter.text)
    assert found
    return found[1]
