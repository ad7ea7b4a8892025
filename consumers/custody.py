"""What a worker still owes after an attempt: its last points, and word of those that an earlier start left behind."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nats.js import JetStreamContext

from domain.training import EndReason
from infra.attempt_folder import AttemptFolder
from infra.ends import Ended, evidence
from infra.redaction import in_short
from infra.shipping import Shipment
from infra.worker_api import AttemptApi, Turned, WorkerApi, patiently

ROOM: Final = 256 * 1024 * 1024
"""What must be free on the disk before a job is taken: images, checkpoints and the spool are kept there."""
AGAIN_EVERY: Final = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Custody:
    framework: str
    home: Path
    api: WorkerApi
    stream: Callable[[], JetStreamContext | None]

    def has_room(self) -> bool:
        return shutil.disk_usage(self.home).free >= ROOM

    async def ship_the_rest(self, folder: AttemptFolder, shipment: Shipment, api: AttemptApi) -> None:
        """The spool stays until the archive has it; a later start tries again what this one could not."""

        async def archived() -> int:
            return (await patiently(api.standing)).archived

        try:
            await shipment.run_until_archived(archived)
        except Turned as error:
            return log.warning("nobody confirms the archive of %s: %s", folder.key, error)
        return folder.remove()

    async def make_good(self, folder: AttemptFolder) -> None:
        """When the service itself broke down over an attempt: what its next start would do, as soon as that works."""
        while True:
            await asyncio.sleep(AGAIN_EVERY)
            try:
                return await self._give_back(folder, "the service of the trainer broke down")
            except OSError as error:
                log.info("what is left of %s waits: %s", folder.key, in_short(error))

    async def recover(self) -> None:
        """An earlier start may have been killed: its trainings died with it, and are given back now."""
        killed = "the service of the trainer was killed"
        await asyncio.gather(*(self._recover(each, killed) for each in list(AttemptFolder.leftovers(self.home))))

    async def _recover(self, folder: AttemptFolder, why: str) -> None:
        """One that cannot be given back stays for a later start, and keeps no other from it."""
        try:
            await self._give_back(folder, why)
        except Exception:
            log.exception("what is left of %s stays where it is", folder.key)

    async def _give_back(self, folder: AttemptFolder, why: str) -> None:
        folder.clear()
        if not folder.is_claimed:
            return folder.remove()
        claimed = folder.claimed()
        api = AttemptApi(self.api, folder.key, claimed.token, None)
        if not folder.ended:
            lost = Ended("hand-over", EndReason.WORKER_LOST, why)
            with suppress(Turned):  # somebody else saw it first
                await patiently(lambda: api.report("hand-over", {"evidence": evidence(lost, ())}, "recovered"))
            folder.end()
        with closing(folder.spool()) as spool:
            shipment = Shipment(spool, self.framework, folder.key, claimed.organization_id, self.stream)
            return await self.ship_the_rest(folder, shipment, api)
