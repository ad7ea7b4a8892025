"""Keeps the read models up to date: one reader of the stream, every event decoded once, in order, for all of them."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import Engine

from domain.model import Recorded
from infra import metrics, tracing
from infra.bus import jetstream
from infra.event_feed import EventFeed
from infra.ledger import Ledger, Row
from infra.mapper import Mapper
from infra.projection import LiveProjection, together
from infra.published import ForeignEvent, Origins, unpack
from infra.reach import out_of_reach
from infra.redaction import in_short
from infra.stream_tail import Diverged, read_tail
from projections.model import Projection

PAUSE: Final = 0.2
_AT_ONCE: Final = 1_000
log = logging.getLogger(__name__)


class ReadModelIsAhead(Exception):
    """The ledger was restored from a backup that is older than the read model."""


@dataclass
class Counters:
    events: int = 0
    batches: int = 0
    holes: int = 0
    errors: int = 0


@dataclass
class Projector:
    ledger: Ledger
    mapper: Mapper
    live: Sequence[LiveProjection] = ()
    position: int = field(default=0, init=False)
    counters: Counters = field(default_factory=Counters, init=False)
    origins: Origins = field(init=False)
    astray: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.origins = Origins(self.ledger)

    @classmethod
    def of(cls, ledger: Ledger, mapper: Mapper, engine: Engine, projections: Sequence[Projection]) -> Self:
        projector = cls(ledger, mapper)
        projector.live = [LiveProjection(each, engine, projector.from_store) for each in projections]
        return projector

    async def run(self, client: Client) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._agree(client)
                await asyncio.to_thread(self.begin)
                await self._follow(client)
            except Diverged as error:
                await asyncio.to_thread(self._go_astray, self.position + 1, error)
                await asyncio.sleep(PAUSE)
            except Exception as error:
                self.counters.errors += 1
                metrics.RETRIES.labels("projector").inc()
                log.warning("reading on from the checkpoints: %s", in_short(error))
                await asyncio.sleep(PAUSE)

    def begin(self) -> None:
        """Read the checkpoints; those that an event stopped in this process stay so until it starts again."""
        for each in self.live:
            if each.stopped is None or self.astray:
                each.begin()
        self.astray = False
        self._refuse_the_future()
        self.position = min((each.position for each in self._going()), default=self.ledger.head().position)

    def revive(self) -> None:
        """Let those that stopped go on once a rebuild has taken away the reason."""
        for each in self.live:
            if each.stopped is not None:
                each.reread()
                each.catch_up(self.position)

    def take(self, messages: Sequence[Msg]) -> None:
        """Apply what the stream delivered. Raises where the database is out of reach."""
        ours, foreign = self._ours(messages)
        self._hand_on(self._decoded(self._contiguous([unpack(message) for message in ours])))
        if foreign is not None:
            self._go_astray(self.position + 1, foreign)

    def from_store(self, after: int, upto: int) -> list[Recorded]:
        """At most a batch of them, and none behind one that nobody can read. Raises what the first one raises."""
        good: list[Recorded] = []
        for row in self.ledger.read(after, min(upto - after, _AT_ONCE)):
            try:
                good.append(self._recorded(row))
            except Exception:
                if good:
                    break
                raise
        return good

    async def _agree(self, client: Client) -> None:
        """A stream that tells another history is not read at all: the store may have lost what it holds."""
        await read_tail(jetstream(client), self.ledger)

    async def _follow(self, client: Client) -> None:
        """Until the stream turns out to be another."""
        feed = await EventFeed.open(client, self.position)
        try:
            while not self.astray:
                if messages := await feed.next():
                    await asyncio.to_thread(self.take, messages)
                else:
                    await asyncio.to_thread(self.revive)
        finally:
            with suppress(Exception):
                await asyncio.wait_for(feed.close(), timeout=1)

    def _ours(self, messages: Sequence[Msg]) -> tuple[Sequence[Msg], ForeignEvent | None]:
        """Up to the first that is of another ledger, and what is to be said of that."""
        for n, message in enumerate(messages):
            try:
                self.origins.check(message)
            except ForeignEvent as error:
                return messages[:n], error
        return messages, None

    def _go_astray(self, position: int, error: Exception) -> None:
        """They go on by themselves once the stream is ours again."""
        self.astray = True
        self._stop_all(position, error)

    def _stop_all(self, position: int, error: Exception) -> None:
        for each in self._going():
            each.stop(position, error)

    def _refuse_the_future(self) -> None:
        head = self.ledger.head().position
        for each in self._going():
            if each.position > head:
                each.stop(head, ReadModelIsAhead(f"it is at {each.position}, the ledger at {head}: rebuild it"))

    def _contiguous(self, rows: Sequence[Row]) -> list[Row]:
        """Without what came before, and with what the stream left out."""
        whole: list[Row] = []
        for row in rows:
            if row.position > self.position + 1:
                whole += self._fill(row.position - 1)
            if row.position > self.position:
                whole.append(row)
                self.position = row.position
        return whole

    def _fill(self, upto: int) -> list[Row]:
        self.counters.holes += 1
        log.error("the stream has a hole: positions %d to %d are taken from the store", self.position + 1, upto)
        missing: list[Row] = []
        while self.position < upto:
            missing += self.ledger.read(self.position, min(upto - self.position, _AT_ONCE))
            self.position = missing[-1].position
        return missing

    def _decoded(self, rows: Sequence[Row]) -> list[Recorded]:
        """What nobody can read stops every read model there, after what comes before it was applied."""
        good: list[Recorded] = []
        for row in rows:
            try:
                good.append(self._recorded(row))
            except Exception as error:
                if out_of_reach(error):
                    raise
                self._hand_on(good)
                self._stop_all(row.position, error)
                return []
        return good

    def _recorded(self, row: Row) -> Recorded:
        return self.mapper.recorded(row.stored, row.position, row.recorded_at)

    def _hand_on(self, events: Sequence[Recorded]) -> None:
        if not events:
            return
        with tracing.batch("fold batch", lambda: (each.envelope.traceparent for each in events), "consumer"):
            together(self._going(), events)
            for each in self._going():
                each.take(events)
        self.counters.events += len(events)
        self.counters.batches += 1
        metrics.FOLDED.observe(len(events))

    def _going(self) -> list[LiveProjection]:
        return [each for each in self.live if each.stopped is None]
