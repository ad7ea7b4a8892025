"""Carries the ledger onto the bus: every event once, in order, stream sequence = position.

The tail of the stream is the only checkpoint; after any error, and now and then while there is nothing to carry, it is
forgotten and read again. Two relays may run: the one that loses a race reads the tail anew. It halts only where stream
and store differ (`Diverged`).
"""

import asyncio
import logging
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

import psycopg
from nats.aio.client import Client

from consumers.stopping import until_stopped
from infra import logs, metrics, outside, tracing
from infra.batch import MOST_MESSAGES, LostRace, batches, publish_batch
from infra.bus import connect, jetstream
from infra.config import Settings
from infra.event_store import EventStore
from infra.ledger import Ledger
from infra.listening import listening
from infra.progress import Progress
from infra.published import TRACE, Published, pack
from infra.redaction import in_short
from infra.standing import Standings
from infra.stream_tail import Diverged, Tail, read_tail

NAME: Final = "relay"
HALTED: Final = 7
# Whoever writes tells the relay, so this is for what was told while nobody listened.
POLL_SECONDS: Final = 1.0
TOLD_EVERY: Final = 0.2
# A stream that is lost, or made anew, while nobody writes.
BELIEVED_FOR: Final = 3.0
_TROUBLE: Final = 3
log = logging.getLogger(__name__)

Note = Callable[[int | None, str | None], None]
"""Tells others how far the relay is, and what keeps it from going on; it never reads this back."""


@dataclass
class Counters:
    events: int = 0
    batches: int = 0
    lost_races: int = 0
    errors: int = 0
    tails_read: int = 0


class Relay:
    def __init__(self, ledger: Ledger, client: Client, note: Note) -> None:
        self.counters = Counters()
        self.wake = asyncio.Event()
        self._ledger = ledger
        self._client = client
        self._note = note
        self._failures = 0
        self._seen = 0.0
        self._noted = 0
        self._noted_at = 0.0

    async def run(self) -> None:
        """Until cancelled. Raises Diverged."""
        tail: Tail | None = None
        while True:
            try:
                tail = await self._forward(tail or await self._read_tail())
                self._failures = 0
                await self._rest(tail)
                if time.monotonic() - self._seen > BELIEVED_FOR:
                    tail = None
            except Diverged:
                raise
            except Exception as error:
                tail = None
                await self._recover(error)

    async def _read_tail(self) -> Tail:
        self.counters.tails_read += 1
        tail = await read_tail(jetstream(self._client), self._ledger)
        self._seen = time.monotonic()
        await self._tell(tail)
        return tail

    async def _forward(self, tail: Tail) -> Tail:
        """One page is read and packed while the one before it travels; behind one that is not full there is none."""
        self.wake.clear()
        coming: asyncio.Task[list[Published]] | None = self._read(tail)
        try:
            while coming is not None and (page := await coming):
                ahead = tail._replace(position=tail.position + len(page))
                coming = self._read(ahead) if len(page) == MOST_MESSAGES else None
                for batch in batches(page):
                    tail = await self._publish(batch, tail)
        finally:
            if coming is not None:
                coming.cancel()
        return tail

    def _read(self, tail: Tail) -> "asyncio.Task[list[Published]]":
        return asyncio.create_task(asyncio.to_thread(self._page, tail))

    def _page(self, tail: Tail) -> list[Published]:
        rows = self._ledger.read(tail.position, MOST_MESSAGES)
        expected = range(tail.position + 1, tail.position + 1 + len(rows))
        if any(row.position != position for row, position in zip(rows, expected, strict=True)):
            raise Diverged(f"the store has a hole after position {tail.position}: verify it before anything else")
        return [pack(row, tail.head) for row in rows]

    async def _publish(self, batch: Sequence[Published], tail: Tail) -> Tail:
        with tracing.batch(
            "publish", lambda: (each.headers.get(TRACE) for each in batch), "producer", events=len(batch)
        ):
            await publish_batch(self._client, batch, tail.position)
        self._seen = time.monotonic()
        tail = tail._replace(position=tail.position + len(batch))
        self.counters.batches += 1
        self.counters.events += len(batch)
        metrics.PUBLISHED.observe(len(batch))
        if time.monotonic() - self._noted_at > TOLD_EVERY:
            await self._tell(tail)
        return tail

    async def hear(self, connection: psycopg.AsyncConnection) -> None:
        """NOTIFY only wakes the relay early, so a lost one costs no more than a poll."""
        async for _ in connection.notifies():
            self.wake.set()

    async def _rest(self, tail: Tail) -> None:
        """How far it is may be told later than carried, so it is told when there is time."""
        is_told = tail.position == self._noted
        try:
            await asyncio.wait_for(self.wake.wait(), POLL_SECONDS if is_told else TOLD_EVERY)
        except TimeoutError:
            if not is_told:
                await self._tell(tail)

    async def _tell(self, tail: Tail) -> None:
        await asyncio.to_thread(self._note, tail.position, None)
        self._noted, self._noted_at = tail.position, time.monotonic()

    async def _recover(self, error: Exception) -> None:
        """Two relays that collide part by chance; whatever lasts is told, and cleared by the next tail."""
        metrics.RETRIES.labels(NAME).inc()
        if isinstance(error, LostRace):
            self.counters.lost_races += 1
        else:
            self.counters.errors += 1
            self._failures += 1
            if self._failures & (self._failures - 1) == 0:  # the longer it lasts, the less is said
                log.warning("trying again, for the %d. time: %s", self._failures, in_short(error))
        if self._failures >= _TROUBLE:
            with suppress(psycopg.Error):
                await asyncio.to_thread(self._note, None, in_short(error))
        await asyncio.sleep(random.uniform(0.01, 0.05 * 2 ** min(self._failures, 5)))


def main(settings: Settings) -> None:
    """Until SIGTERM; exits with 7 where stream and store differ."""
    outside.begin(NAME, settings)
    try:
        asyncio.run(until_stopped(relay(settings)))
    except Diverged as error:
        log.critical("halted: %s", error)
        with closing(Progress(settings.need("database_url"), NAME)) as progress:
            progress.note(None, str(error))
        sys.exit(HALTED)


async def relay(settings: Settings) -> None:
    """Connect, and relay until cancelled. Raises Diverged."""
    url = settings.need("database_url")
    store = EventStore(url, pool_size=2)
    client = await connect(settings.need("nats_url"))
    progress = Progress(url, NAME)
    relaying = Relay(store, client, progress.note)
    metrics.serve(settings.metrics_port, NAME, Standings(url, lambda name: name == NAME))
    try:
        async with listening(url, "ledger", relaying.hear):
            logs.say_ready()
            await relaying.run()
    finally:
        await client.close()
        progress.close()
        store.close()
        log.info("relayed: %s", relaying.counters)
