"""Erases whoever asked to be and whose time has come; whose key was brought back since, loses it again."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from consumers.pace import regularly
from domain.errors import Refused
from infra import logs, metrics
from infra.erased import destroy_keys, destroy_keys_of_dropped, erase, forget_exports, forget_letters
from infra.host import Host
from infra.personal_objects import PersonalObjects
from projections.person import erasures_due

NAME: Final = "erasure"
EVERY: Final = 10.0
SWEPT_EVERY: Final = 60.0
KEPT: Final = timedelta(days=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Eraser:
    host: Host
    complaints: logs.Complaints = field(default_factory=lambda: logs.Complaints(log))

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.to_thread(destroy_keys_of_dropped, self.host.core)
        await regularly(lambda: asyncio.to_thread(self.once, datetime.now(UTC)), EVERY)

    def once(self, now: datetime) -> None:
        """What keeps one person from being erased keeps no other, and is tried again.

        Who became the only admin somewhere since is asked again, and stays meanwhile.
        """
        due: list[UUID] = self.host.reading.ask(partial(erasures_due, now=now), [])
        for person_id in due:
            self._surely(f"person {person_id} waits to be erased", partial(self._erase, person_id))
        self._surely("letters are forgotten another time", partial(forget_letters, self.host.core))
        self._surely("what was exported is forgotten another time", partial(forget_exports, self.host.core))
        self._surely("keys are destroyed another time", self._destroy_keys)

    def _erase(self, person_id: UUID) -> None:
        erase(self.host.core, self.host.dispatch, person_id)

    def _destroy_keys(self) -> None:
        for person_id in destroy_keys(self.host.core):
            log.warning("person %s was erased, and had a key again; it is destroyed", person_id)

    def _surely(self, otherwise: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Refused as refusal:
            self.complaints.hear(f"{otherwise}: {refusal}")
        except Exception as error:  # its words may be about somebody
            metrics.RETRIES.labels(NAME).inc()
            self.complaints.hear(f"{otherwise}: {type(error).__name__}")


async def sweep_exports(objects: PersonalObjects) -> None:
    """Until cancelled: what was exported is kept for a day."""
    await regularly(lambda: asyncio.to_thread(objects.sweep, datetime.now(UTC) - KEPT), SWEPT_EVERY)
