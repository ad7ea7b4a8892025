"""Keeps telemetry: what passes on the stream is written to the archive, a few seconds of it at a time."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from nats.aio.msg import Msg

from consumers.acting import Platform
from domain.errors import NotFound
from domain.training_job import TrainingJob
from infra.archive_writer import ArchiveWriter
from infra.leases import Key
from infra.telemetry import NotTelemetry, Points, Shipped, said_in

EVERY: Final = 4.0
MOST_POINTS: Final = 20_000
MOST_KNOWN: Final = 10_000


class GoneFromStream(LookupError):
    """What was set aside is not on the bus any more."""


@dataclass
class Owners:
    """Whose each job is: a worker may speak about its framework's jobs, and the subject must name the right house."""

    platform: Platform
    _known: OrderedDict[UUID, tuple[str, UUID]] = field(default_factory=OrderedDict)

    async def of(self, job_id: UUID) -> tuple[str, UUID]:
        """Framework and organization. Raises NotTelemetry."""
        if job_id not in self._known:
            try:
                job = await self.platform.get(TrainingJob, job_id)
                self._known[job_id] = job.recipe.framework, job.organization_id
                if len(self._known) > MOST_KNOWN:
                    self._known.popitem(last=False)
            except NotFound as error:
                raise NotTelemetry(str(error)) from error
        return self._known[job_id]

    async def understood(self, message: Shipped) -> tuple[UUID, Key, Points]:
        """Organization, attempt and points. Raises NotTelemetry."""
        said = said_in(message)
        house = await self.of(said.key.job)
        if (said.framework, said.organization) != (house[0], str(house[1])):
            raise NotTelemetry(f"{message.subject} names another framework or organization than the job's")
        return house[1], said.key, said.points


@dataclass
class Collected:
    """A few seconds of the stream, counted from the first point, or as much of it as is kept in memory."""

    points: dict[tuple[UUID, Key], Points] = field(default_factory=dict)
    count: int = 0
    since: float = math.inf

    def add(self, organization: UUID, key: Key, points: Points) -> None:
        if not self.points:
            self.since = time.monotonic()
        self.points.setdefault((organization, key), []).extend(points)
        self.count += len(points)

    @property
    def due(self) -> bool:
        return self.count >= MOST_POINTS or time.monotonic() - self.since >= EVERY


@dataclass
class Archivist:
    archive: ArchiveWriter
    owners: Owners
    collected: Collected = field(default_factory=Collected)
    written: int = 0
    reached: int = 0

    def begin(self, position: int) -> None:
        """Read on from there; what was collected before is read again."""
        self.collected, self.written, self.reached = Collected(), position, position

    async def take(self, message: Msg) -> None:
        """Raises NotTelemetry."""
        self.collected.add(*await self.owners.understood(message))

    async def write(self) -> None:
        """Everything collected, and up to where the stream was read for it. Raises Overtaken."""
        await asyncio.to_thread(self._write, list(self.collected.points.items()), self.reached)
        self.begin(self.reached)

    def _write(self, collected: Sequence[tuple[tuple[UUID, Key], Points]], position: int) -> None:
        kept = [self.archive.keep(organization, key, points) for (organization, key), points in collected]
        self.archive.record([chunk for chunk in kept if chunk is not None], self.written, position)
