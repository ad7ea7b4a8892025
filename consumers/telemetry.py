"""Keeps telemetry: what passes on the stream is written to the archive, a few seconds of it at a time."""

import asyncio
import json
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from nats.aio.msg import Msg

from consumers.acting import Platform
from domain.errors import NotFound
from domain.training_job import TrainingJob
from infra.archive_writer import ArchiveWriter
from infra.leases import Key
from infra.redaction import in_short

EVERY: Final = 4.0
MOST_POINTS: Final = 20_000
MOST_KNOWN: Final = 10_000
# As the archive numbers them.
LAST_ATTEMPT: Final = 2**31 - 1
Points = list[dict[str, Any]]


class Shipped(Protocol):
    """What nats-py gives, delivered or read from a stream."""

    @property
    def subject(self) -> Any: ...

    @property
    def data(self) -> Any: ...


def points_in(text: str) -> Points:
    """Such as can be kept: one that cannot would keep those of everybody else from the archive. Raises ValueError."""
    points: Any = json.loads(text, parse_constant=float_of, parse_float=float_of)["points"]
    if not isinstance(points, list) or not all(map(is_point, points)):
        raise ValueError("a point has no number or no kind")
    if "\\u" in text:  # only so half of a character comes in
        json.dumps(points, ensure_ascii=False).encode()
    return points


def is_point(point: Any) -> bool:
    return isinstance(point, dict) and type(point.get("n")) is int and isinstance(point.get("kind"), str)


def float_of(text: str) -> float:
    """Raises ValueError where JSON has no such number."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return number


class GoneFromStream(LookupError):
    """What was set aside is not on the bus any more."""


class NotTelemetry(ValueError):
    """A message that no worker can have sent about its own job."""


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
        try:
            *_, framework, organization, job, attempt = message.subject.split(".")
            key = Key(UUID(job), int(attempt))
            if not 1 <= key.attempt <= LAST_ATTEMPT:
                raise NotTelemetry(f"{message.subject} names no attempt")
            points = points_in(bytes(message.data).decode())
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise NotTelemetry(f"{message.subject}: {in_short(error)}") from error
        house = await self.of(key.job)
        if (framework, organization) != (house[0], str(house[1])):
            raise NotTelemetry(f"{message.subject} names another framework or organization than the job's")
        return house[1], key, points


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
