"""Reactions to single events: each event once, one at a time, and what fails is seen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage

from consumers.acting import Platform
from consumers.errors import Done, Park, RetryAfter, Stop, Verdict, verdict
from domain.model import Recorded
from infra import logs, metrics, tracing
from infra.parked import Due, Parked
from infra.positions import DoneSet, Positions
from infra.reach import out_of_reach
from infra.redaction import in_short
from infra.streams import ACK_WAIT, EVENTS

STOPPED_FOR: Final = 60.0
# A part of what the bus waits for an answer: a letter to each of many members takes longer.
AT_WORK: Final = ACK_WAIT / 3
NOTED_AGAIN_AFTER: Final = 0.5
# How long each request for the next event stands; it is answered as soon as there is one.
ASKED_FOR: Final = 5.0
Publish = Callable[[str, bytes], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reaction:
    """The name is the durable's too, and never changes."""

    name: str
    filters: tuple[str, ...]
    effect: Callable[[Recorded], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Records:
    """What is remembered of the handling of events."""

    done: DoneSet
    parked: Parked
    positions: Positions
    publish: Publish

    async def note(self, consumer: str, position: int) -> None:
        """That the effect has been, however long the database is away: given back, the event would have it twice."""
        while True:
            try:
                return await asyncio.to_thread(self.done.add, consumer, position)
            except Exception as error:
                if not out_of_reach(error):
                    raise
                await asyncio.sleep(NOTED_AGAIN_AFTER)

    async def park(
        self, consumer: str, position: int, subject: str, reason: str, attempts: int, digest: str = ""
    ) -> None:
        log.error("%s set position %s aside: %s", consumer, position, reason)
        metrics.PARKED.labels(consumer).inc()
        await asyncio.to_thread(self.parked.park, consumer, position, subject, reason, attempts, digest)
        await self.publish(f"vistory.parked.{consumer}.{position}", reason.encode())

    async def redrive(self, consumer: str, work: Callable[[Due], Awaitable[None]]) -> None:
        """What was set aside and somebody asked for again; where somebody is away, it is tried at the next look."""
        for due in await asyncio.to_thread(self.parked.due, consumer):
            try:
                await work(due)
                judged: Verdict = Done("it was tried again")
            except Exception as error:
                judged = verdict(error, due.attempts + 1)
            match judged:
                case Done(reason):
                    log.info("%s: position %s is settled: %s", consumer, due.position, reason)
                    await asyncio.to_thread(self.parked.settle, due.id)
                case RetryAfter():
                    metrics.RETRIES.labels(consumer).inc()
                case Park(reason) | Stop(reason):
                    again = f"tried again: {reason}", due.attempts + 1, due.digest
                    await self.park(consumer, due.position, due.subject, *again)


@dataclass(frozen=True)
class Reactor:
    """Brings an event to its reaction, and says what becomes of it."""

    platform: Platform
    records: Records

    async def handle(self, reaction: Reaction, message: NatsMessage) -> None:
        try:
            recorded = await self.platform.understood(message.raw_message)
            if not await asyncio.to_thread(self.records.done.has, reaction.name, recorded.position):
                async with at_work(message):
                    with reacting(reaction.name, recorded):
                        await reaction.effect(recorded)
                    await self.records.note(reaction.name, recorded.position)
                await asyncio.to_thread(self.records.positions.go_on, f"react:{reaction.name}")
            await message.ack()
        except Exception as error:
            await self._judge(reaction, message, place(message), error, delivered(message))

    async def _judge(
        self, reaction: Reaction, message: NatsMessage, position: int, error: Exception, attempts: int
    ) -> None:
        match verdict(error, attempts):
            case Done(reason):
                log.info("%s: position %s is settled: %s", reaction.name, position, reason)
                await asyncio.to_thread(self.records.done.add, reaction.name, position)
                await message.ack()
            case RetryAfter(seconds):
                log.info("%s: position %s again in %s s: %s", reaction.name, position, seconds, in_short(error))
                metrics.RETRIES.labels(reaction.name).inc()
                await message.nack(delay=seconds)
            case Park(reason):
                subject = message.raw_message.subject
                await self.records.park(reaction.name, position, subject, reason, attempts)
                await message.ack()
            case Stop(reason):
                log.critical("%s cannot go on: %s", reaction.name, reason)
                await asyncio.to_thread(self.records.positions.stop, f"react:{reaction.name}", EVENTS, reason)
                await message.nack(delay=STOPPED_FOR)

    async def redrive(self, reactions: Iterable[Reaction]) -> None:
        """What somebody asked to be tried again: one question, whatever number of reactions there is."""
        wanted = await asyncio.to_thread(self.records.parked.wanted)
        for reaction in reactions:
            if reaction.name in wanted:
                await self._redrive(reaction)

    async def _redrive(self, reaction: Reaction) -> None:
        async def again(due: Due) -> None:
            recorded = await self.platform.recorded(due.position)
            assert recorded is not None, f"there is no position {due.position}"
            with reacting(reaction.name, recorded):
                await reaction.effect(recorded)
            await self.records.note(reaction.name, due.position)

        await self.records.redrive(reaction.name, again)


@asynccontextmanager
async def at_work(message: NatsMessage) -> AsyncIterator[None]:
    """The bus hears that work goes on, and gives the event to nobody else meanwhile."""

    async def say() -> None:
        while True:
            await asyncio.sleep(AT_WORK)
            with suppress(nats.errors.Error):  # it says so itself where it is away, and gives the event again
                await message.in_progress()

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()


@contextmanager
def reacting(consumer: str, recorded: Recorded) -> Iterator[None]:
    """Whatever comes of an event belongs to its story."""
    envelope, position = recorded.envelope, recorded.position
    with (
        logs.about(consumer=consumer, position=position, correlation=envelope.correlation),
        tracing.span(consumer, envelope.traceparent, "consumer", topic=recorded.topic, position=position),
    ):
        yield


def subscribe(broker: NatsBroker, reactor: Reactor, reactions: Sequence[Reaction], inbox: str = "_INBOX") -> None:
    """By durables that are there already: FastStream may neither make nor change anything on the bus."""
    stream = JStream(name=EVENTS, declare=False)
    for reaction in reactions:
        _subscribe(broker, reactor, reaction, stream, inbox)


def _subscribe(broker: NatsBroker, reactor: Reactor, reaction: Reaction, stream: JStream, inbox: str) -> None:
    (subject,) = reaction.filters

    @broker.subscriber(
        subject,
        stream=stream,
        durable=reaction.name,
        pull_sub=PullSub(batch_size=1, timeout=ASKED_FOR),
        ack_policy=AckPolicy.MANUAL,
        # The broker's own prefix is not enough: FastStream hands each pull subscription the library's default.
        inbox_prefix=f"{inbox}.".encode(),
    )
    async def handle(message: NatsMessage) -> None:
        await reactor.handle(reaction, message)


def place(message: NatsMessage) -> int:
    """Where it stands in the stream, which of an event is its position."""
    try:
        return int(message.raw_message.metadata.sequence.stream)
    except Exception:  # a message that did not come from a stream
        return int((message.raw_message.headers or {}).get("ce-sequence", 0))


def delivered(message: NatsMessage) -> int:
    try:
        return int(message.raw_message.metadata.num_delivered or 1)
    except Exception:  # a message that did not come from a stream
        return 1
