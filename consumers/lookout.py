"""Sees how far each durable is, and that it is there; one that is gone is made again from where PostgreSQL says."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

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

log = logging.getLogger(__name__)


class Frameworks(Protocol):
    """Those whose trainers have said what they can train."""

    def all(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class Lookout:
    url: str
    ledger: Ledger
    positions: Positions
    frameworks: Frameworks

    async def look(self, js: JetStreamContext, reactions: Iterable[Reaction]) -> None:
        """Once. Raises Diverged: a stream that tells another history says nothing of how far anybody is."""
        await read_tail(js, self.ledger)
        for reaction in reactions:
            await watch(js, self.url, reaction, self.positions)
        for framework in await asyncio.to_thread(self.frameworks.all):
            await watch_queue(js, framework, self.positions)


async def watch(js: JetStreamContext, url: str, reaction: Reaction, positions: Positions) -> None:
    """Once: note how far a reaction is; what stopped it stays until it goes on."""
    head = int((await js.stream_info(EVENTS)).state.last_seq)
    try:
        info = await js.consumer_info(EVENTS, reaction.name)
    except NotFoundError:
        log.warning("the durable %s is gone and is made again", reaction.name)
        return await prepare(js, url, reaction)
    name = f"react:{reaction.name}"
    if (floor := behind(info)) is not None:
        return await asyncio.to_thread(positions.advance, name, EVENTS, floor)
    return await asyncio.to_thread(positions.note, name, EVENTS, head)


async def watch_queue(js: JetStreamContext, framework: str, positions: Positions) -> None:
    """Once: note how far a framework's trainers are. Only an administrator may make their durable again."""
    name, durable = f"train:{framework}", trainer_durable(framework)
    head = int((await js.stream_info(EVENTS)).state.last_seq)
    try:
        info = await js.consumer_info(EVENTS, durable)
    except NotFoundError:
        reason = f"the durable {durable} is gone and no attempt can begin: {REBUILD}"
        return await asyncio.to_thread(positions.stop, name, EVENTS, reason)
    floor = behind(info)
    return await asyncio.to_thread(positions.note, name, EVENTS, head if floor is None else floor)


def behind(info: ConsumerInfo) -> int | None:
    """Up to where everything is acknowledged, while something is not."""
    if info.num_pending or info.num_ack_pending:
        return info.ack_floor.stream_seq if info.ack_floor else 0
    return None


async def prepare(js: JetStreamContext, url: str, reaction: Reaction) -> None:
    await declare_durable(js, await asyncio.to_thread(durables.for_reaction, url, reaction.name, reaction.filters))
