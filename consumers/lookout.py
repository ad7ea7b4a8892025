"""Sees how far each durable is, and that it is there; one that is gone is made again from where PostgreSQL says."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from consumers.reactions import Reaction
from infra import durables
from infra.ledger import Ledger
from infra.nats_users import trainer_durable
from infra.positions import Positions
from infra.stream_tail import REBUILD, read_tail
from infra.streams import EVENTS, declare_durable

# Where nothing happens and everybody is past all of it, a look is for durables and messages that are gone.
AT_REST_EVERY: Final = 10.0
log = logging.getLogger(__name__)


class Frameworks(Protocol):
    """Those whose trainers have said what they can train."""

    def all(self) -> Iterable[str]: ...


@dataclass
class Lookout:
    url: str
    ledger: Ledger
    positions: Positions
    frameworks: Frameworks
    _all_past: int | None = None
    _looked_at: float = -AT_REST_EVERY

    async def look(self, js: JetStreamContext, reactions: Iterable[Reaction]) -> None:
        """Once. Raises Diverged: a stream that tells another history says nothing of how far anybody is."""
        if time.monotonic() - self._looked_at < AT_REST_EVERY and await self._nothing_happened():
            return
        # Read before any durable: one that has nothing before it afterwards is past all of this.
        end = (await read_tail(js, self.ledger)).position
        self._looked_at = time.monotonic()
        past = [await watch(js, self.url, tuple(reactions), self.positions, end)]
        for framework in await asyncio.to_thread(self.frameworks.all):
            past.append(await watch_queue(js, framework, self.positions, end))
        self._all_past = end if all(past) else None

    async def _nothing_happened(self) -> bool:
        """Since everybody was past all of it."""
        return self._all_past is not None and (await asyncio.to_thread(self.ledger.head)).position == self._all_past


async def watch(js: JetStreamContext, url: str, reactions: Sequence[Reaction], positions: Positions, end: int) -> bool:
    """Once: note how far each is in a stream that ended there, and tell whether all are past it; what stopped one stays
    until it goes on.
    """
    found = await asyncio.gather(*(_durable(js, reaction.name) for reaction in reactions))
    floors = {reaction.name: behind(info) for reaction, info in zip(reactions, found, strict=True) if info}
    past = [f"react:{name}" for name, floor in floors.items() if floor is None]
    await asyncio.to_thread(positions.note_all, past, EVENTS, end)
    for name, floor in floors.items():
        if floor is not None:
            await asyncio.to_thread(positions.advance, f"react:{name}", EVENTS, floor)
    for reaction in reactions:
        if reaction.name not in floors:
            log.warning("the durable %s is gone and is made again", reaction.name)
            await prepare(js, url, reaction)
    return len(past) == len(reactions)


async def _durable(js: JetStreamContext, name: str) -> ConsumerInfo | None:
    try:
        info: ConsumerInfo = await js.consumer_info(EVENTS, name)
    except NotFoundError:
        return None
    return info


async def watch_queue(js: JetStreamContext, framework: str, positions: Positions, end: int) -> bool:
    """Once: note how far a framework's trainers are, and tell whether they are past all of it. Only an administrator
    may make their durable again.
    """
    name, durable = f"train:{framework}", trainer_durable(framework)
    try:
        info = await js.consumer_info(EVENTS, durable)
    except NotFoundError:
        reason = f"the durable {durable} is gone and no attempt can begin: {REBUILD}"
        await asyncio.to_thread(positions.stop, name, EVENTS, reason)
        return False
    floor = behind(info)
    await asyncio.to_thread(positions.note, name, EVENTS, end if floor is None else floor)
    return floor is None


def behind(info: ConsumerInfo) -> int | None:
    """Up to where everything is acknowledged, while something is not."""
    if info.num_pending or info.num_ack_pending:
        return info.ack_floor.stream_seq if info.ack_floor else 0
    return None


async def prepare(js: JetStreamContext, url: str, reaction: Reaction) -> None:
    await declare_durable(js, await asyncio.to_thread(durables.for_reaction, url, reaction.name, reaction.filters))
