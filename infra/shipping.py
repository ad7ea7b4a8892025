"""Brings the points of a spool onto stream TELEMETRY: again and again until they are there, and then archived."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from nats.js import JetStreamContext

from infra.leases import Key
from infra.redaction import in_short
from infra.spool import MOST_POINTS, Spool

EVERY: Final = 0.25
ACKNOWLEDGED_WITHIN: Final = 5.0
ARCHIVED_ASKED_EVERY: Final = 2.0
ARCHIVED_WITHIN: Final = 30.0
PREFIX: Final = "vistory.telemetry"
log = logging.getLogger(__name__)


def subject(framework: str, organization: UUID | str, job: UUID, attempt: int | str = "*") -> str:
    """A trainer may write those of its own framework."""
    return f"{PREFIX}.{framework}.{organization}.{job}.{attempt}"


@dataclass
class Shipment:
    """One spool on its way. A batch that was not acknowledged is sent again as it was, under the same id."""

    spool: Spool
    framework: str
    key: Key
    organization: str
    stream: Callable[[], JetStreamContext | None]
    shipped: int = 0
    ended: bool = False
    # That no other trainer can guess: the bus takes a message whose id it has seen for one that it has.
    _id: str = field(default_factory=lambda: uuid4().hex)

    async def run(self) -> None:
        """Until cancelled, or until the attempt has ended and all is shipped."""
        while not (self.ended and self.shipped >= self.spool.last):
            if not await self._ship_one():
                await asyncio.sleep(EVERY)

    async def run_until_archived(self, archived: Callable[[], Awaitable[int]]) -> None:
        """Ship what is left; what the stream lost before it was archived is shipped once more."""
        self.ended = True
        confirmed, waited = 0, 0.0
        while (confirmed := await archived()) < self.spool.last:
            await self.run()
            await asyncio.sleep(ARCHIVED_ASKED_EVERY)
            waited += ARCHIVED_ASKED_EVERY
            if waited >= ARCHIVED_WITHIN:
                self.shipped, waited = confirmed, 0.0

    async def _ship_one(self) -> bool:
        """Whether another full batch waits already, so that a backlog goes as fast as the bus takes it."""
        points = self.spool.read(self.shipped)
        if not points:
            return False
        stream = self.stream()
        if stream is None:
            return False
        try:
            await self._publish(stream, points)
        except Exception as error:  # whatever it is, the points are on the disk and the training goes on
            log.info("telemetry waits: %s", in_short(error))
            await asyncio.sleep(1.0)
            return False
        self.shipped = points[-1]["n"]
        return self.spool.last - self.shipped >= MOST_POINTS

    async def _publish(self, stream: JetStreamContext, points: list[dict[str, Any]]) -> None:
        first, last = points[0]["n"], points[-1]["n"]
        message = {"job": str(self.key.job), "attempt": self.key.attempt, "first": first, "points": points}
        await stream.publish(
            subject(self.framework, self.organization, *self.key),
            json.dumps(message, ensure_ascii=False).encode(),
            timeout=ACKNOWLEDGED_WITHIN,
            headers={"Nats-Msg-Id": f"{self._id}-{first}-{last}"},
        )
