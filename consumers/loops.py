"""What is read in order: MLflow's runs from the events; its figures of batches and the archive from telemetry."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from consumers.acting import Platform
from consumers.errors import Done, Park, RetryAfter, Stop, verdict
from consumers.mlflow import BATCHES, WRITER, MlflowBooks, RunWriter, batch_figures
from consumers.pace import regularly
from consumers.reactions import STOPPED_FOR, Records, reacting
from consumers.telemetry import Archivist, GoneFromStream, Owners
from infra import metrics
from infra.archive_writer import CONSUMER as ARCHIVE
from infra.archive_writer import Overtaken
from infra.bus import jetstream
from infra.follow import follow, last_sequence
from infra.parked import Due
from infra.published import ForeignEvent
from infra.stream_tail import Diverged, read_tail
from infra.streams import EVENTS, TELEMETRY
from infra.telemetry import Shipped

LOGGED_EVERY: Final = 1.0
REDRIVEN_EVERY: Final = 2.0
WRITTEN: Final = "training_job."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loops:
    client: Client
    platform: Platform
    records: Records

    async def write_runs(self, writer: RunWriter) -> None:
        """Until the stream breaks off: it may have been made anew. Nothing is read from one that is not ours."""
        await self._agree(WRITER)
        reached = await self._position(WRITER)
        await self._note(WRITER, EVENTS, reached)
        async for messages in follow(self.client, EVENTS, reached, again=False):
            for message in messages:
                await self._write_run(writer, message)
            if messages:
                await self._note(WRITER, EVENTS, sequence(messages[-1]))

    async def _write_run(self, writer: RunWriter, message: Msg) -> None:
        if not str((message.headers or {}).get("ce-type", "")).startswith(WRITTEN):
            # Passing a foreign message over would pass the event over that has its number once the stream is mended.
            return await self.platform.must_be_ours(message)

        async def write() -> None:
            recorded = await self.platform.understood(message)
            with reacting(WRITER, recorded):
                await writer.write(recorded)

        return await self.surely(WRITER, EVENTS, message, write)

    async def _agree(self, consumer: str) -> None:
        """Raises Diverged, once that stands where everybody sees it."""
        try:
            await read_tail(jetstream(self.client), self.platform.ledger)
        except Diverged as error:
            await asyncio.to_thread(self.records.positions.stop, consumer, EVENTS, str(error))
            raise

    async def redrive_runs(self, writer: RunWriter) -> None:
        async def again(due: Due) -> None:
            recorded = await self.platform.recorded(due.position)
            assert recorded is not None, f"there is no position {due.position}"
            await writer.write(recorded)

        await self._redrive(WRITER, again)

    async def redrive_batches(self, books: MlflowBooks, owners: Owners) -> None:
        async def again(due: Due) -> None:
            try:
                message = await jetstream(self.client).get_msg(TELEMETRY, due.position)
            except NotFoundError as error:
                raise GoneFromStream(f"message {due.position} is not on the stream any more") from error
            if (message.subject, digest(message.data)) != (due.subject, due.digest):
                raise GoneFromStream(f"another message is number {due.position} since the stream was made anew")
            await log_batch(books, owners, message)

        await self._redrive(BATCHES, again)

    async def _redrive(self, consumer: str, work: Callable[[Due], Awaitable[None]]) -> None:
        """What was set aside and is to be tried again, until cancelled."""
        await regularly(partial(self.records.redrive, consumer, work), REDRIVEN_EVERY)

    async def write_batches(self, books: MlflowBooks, owners: Owners) -> None:
        """Once a second at most, until cancelled."""
        async for messages in self._telemetry(BATCHES):
            begun = time.monotonic()
            for message in messages:
                await self.surely(BATCHES, TELEMETRY, message, partial(log_batch, books, owners, message))
            if messages:
                await self._note(BATCHES, TELEMETRY, sequence(messages[-1]))
                await asyncio.sleep(max(0.0, LOGGED_EVERY - (time.monotonic() - begun)))

    async def archive(self, archivist: Archivist) -> None:
        """A few seconds at a time, until cancelled. Raises Overtaken: begin again from where the other is."""
        archivist.begin(await self._position(ARCHIVE))
        async for messages in self._telemetry(ARCHIVE):
            for message in messages:
                await self.surely(ARCHIVE, TELEMETRY, message, lambda message=message: archivist.take(message))  # type: ignore[misc]
                archivist.reached = sequence(message)
            if archivist.collected.due:
                await self.surely(ARCHIVE, TELEMETRY, None, archivist.write)

    async def surely(
        self, consumer: str, stream: str, message: Msg | None, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Once and for all: done, or set aside. Whoever is away is waited for. Raises ForeignEvent: read anew."""
        attempts = 0
        while True:
            attempts += 1
            try:
                return await work()
            except (Overtaken, ForeignEvent):
                raise
            except Exception as error:
                judged = verdict(error, attempts)
                log.info("%s: %s", consumer, judged)
            match judged:
                case Done():
                    return None
                case RetryAfter(seconds):
                    metrics.RETRIES.labels(consumer).inc()
                    await asyncio.sleep(seconds)
                case Park(reason) if message is not None:
                    identity = sequence(message), message.subject
                    return await self.records.park(consumer, *identity, reason, attempts, digest(message.data))
                case Park(reason) | Stop(reason):
                    log.critical("%s cannot go on: %s", consumer, reason)
                    await asyncio.to_thread(self.records.positions.stop, consumer, stream, reason)
                    await asyncio.sleep(STOPPED_FOR)

    async def _telemetry(self, consumer: str) -> AsyncIterator[list[Msg]]:
        """From where the consumer is; from the start where the stream itself began anew."""
        while True:
            reached = await self._position(consumer)
            if await last_sequence(self.client, TELEMETRY) < reached:
                reached = 0
            await self._note(consumer, TELEMETRY, reached)
            async for messages in follow(self.client, TELEMETRY, reached):
                reached = sequence(messages[-1]) if messages else reached
                yield messages
                if not messages and await self._began_anew(reached):
                    break

    async def _began_anew(self, reached: int) -> bool:
        try:
            return await last_sequence(self.client, TELEMETRY) < reached
        except Exception:
            return False

    async def _position(self, consumer: str) -> int:
        return await asyncio.to_thread(self.records.positions.of, consumer)

    async def _note(self, consumer: str, stream: str, position: int, stopped: str | None = None) -> None:
        await asyncio.to_thread(self.records.positions.note, consumer, stream, position, stopped)


async def log_batch(books: MlflowBooks, owners: Owners, message: Shipped) -> None:
    _, key, points = await owners.understood(message)
    if figures := batch_figures(points):
        await books.draw(key.job, figures)


def digest(data: bytes | None) -> str:
    return sha256(data or b"").hexdigest()


def sequence(message: Msg) -> int:
    return int(message.metadata.sequence.stream)
