"""The telemetry of a job from any point on: first what is archived, then what is on the stream, then what comes.

It asks for one message after the other and keeps nothing, so a slow reader costs nobody anything.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.archive import Archive
from infra.shipping import subject
from infra.streams import TELEMETRY
from infra.telemetry import NotTelemetry, Points, said_in

AT_ONCE: Final = 500


class Place(NamedTuple):
    """How far somebody has read: everything of earlier attempts, and of this one up to point n."""

    attempt: int = 1
    n: int = 0


class Point(NamedTuple):
    place: Place
    fields: dict[str, Any]


@dataclass
class Feed:
    archive: Archive
    stream: Callable[[], JetStreamContext | None]
    framework: str
    organization_id: UUID
    job_id: UUID
    place: Place
    fetching: Executor | None = None
    """The threads that wait for the archive; those of the loop, if left out."""
    is_cut: bool = field(default=False, init=False)
    """The stream could not be asked: nothing came, and there may be more."""
    _sequence: int = field(default=0, init=False)
    _archived: bool = field(default=False, init=False)

    async def next(self) -> list[Point]:
        """What follows, in order; nothing where there is nothing yet."""
        if not self._archived:
            if kept := await self._fetch():
                return kept
            self._archived = True
        return await self._from_stream()

    async def _fetch(self) -> list[Point]:
        return await asyncio.get_running_loop().run_in_executor(self.fetching, self._from_archive)

    def _from_archive(self) -> list[Point]:
        """The rest of this attempt, or else the beginning of the next that said anything."""
        place: Place | None = self.place
        while place is not None:
            if points := self.archive.read(self.job_id, place.attempt, place.n, AT_ONCE):
                return self._advance(place.attempt, points)
            following = self.archive.next_attempt(self.job_id, place.attempt)
            place = Place(following) if following is not None else None
        return []

    async def _from_stream(self) -> list[Point]:
        while (message := await self._message()) is not None:
            sequence, attempt, points = message
            new = self._new(attempt, points)
            is_after_a_gap = new and new[0]["n"] > (self.place.n if attempt == self.place.attempt else 0) + 1
            if is_after_a_gap and (kept := await self._fetch()):
                return kept
            self._sequence = sequence
            if new:
                return self._advance(attempt, new)
        return []

    def _new(self, attempt: int, points: Points) -> Points:
        if attempt < self.place.attempt:
            return []
        read = self.place.n if attempt == self.place.attempt else 0
        return [point for point in points if point["n"] > read]

    async def _message(self) -> tuple[int, int, Points] | None:
        stream = self.stream()
        if stream is None:
            self._cut()
            return None
        said = subject(self.framework, self.organization_id, self.job_id)
        try:
            found = await stream.get_msg(TELEMETRY, self._sequence + 1, said, direct=True, next=True)
        except NotFoundError:
            self.is_cut = False
            return None
        except (TimeoutError, NatsError):
            self._cut()
            return None
        self.is_cut = False
        assert found.seq is not None, "a message of a stream has its place"
        try:
            _, _, key, points = said_in(found)
        except NotTelemetry:  # set aside where it is archived
            return found.seq, self.place.attempt, []
        return found.seq, key.attempt, points

    def _cut(self) -> None:
        """Whatever the stream is when it is back, it may have been lost and made again: read from its beginning."""
        self._sequence, self._archived, self.is_cut = 0, False, True

    def _advance(self, attempt: int, points: Points) -> list[Point]:
        told = [Point(Place(attempt, point["n"]), {k: v for k, v in point.items() if k != "n"}) for point in points]
        self.place = told[-1].place
        return told
