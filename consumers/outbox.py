"""What a worker has to report about one attempt: in order, each until it is heard, while the training goes on."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.worker_api import AttemptApi, Away, Over, Produced, Turned

LONGEST_PAUSE: Final = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """`once` tells reports of one kind apart, so that the same one may be sent again."""

    what: str
    body: Mapping[str, Any]
    once: str = ""
    files: tuple[Produced, ...] = ()


class Outbox:
    """`heard` is told whether a cancel is wanted; `over` that the attempt is not ours any more; `refused` what for."""

    def __init__(
        self,
        api: AttemptApi,
        heard: Callable[[bool], None],
        over: Callable[[str], None],
        refused: Callable[[Report, Turned], None],
    ) -> None:
        self._api = api
        self._heard = heard
        self._over = over
        self._refused = refused
        self._waiting: list[Report] = []
        self._changed = asyncio.Condition()
        self._closed = False

    async def put(self, report: Report) -> None:
        """A checkpoint takes the place of an older one that still waits."""
        async with self._changed:
            if self._closed:
                return
            if report.what == "checkpoints":
                self._drop_older_checkpoints()
            self._waiting.append(report)
            self._changed.notify_all()

    async def drain(self) -> None:
        """Until everything was heard, or nobody listens any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or not self._waiting)

    async def run(self) -> None:
        """Until cancelled, or until the attempt is over."""
        while not self._closed:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
                report = self._waiting[0]
            await self._deliver(report)
            async with self._changed:
                self._waiting.remove(report)
                self._changed.notify_all()

    async def _deliver(self, report: Report) -> None:
        pause = 0.25
        while True:
            try:
                return await self._send(report)
            except Away as error:
                log.info("%s waits: %s", report.what, error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _send(self, report: Report) -> None:
        try:
            for file in report.files:
                await self._api.upload(file)
            self._heard(await self._api.report(report.what, report.body, report.once))
        except Over as error:
            self._closed = True
            self._over(str(error))
        except Turned as error:
            self._refused(report, error)

    def _drop_older_checkpoints(self) -> None:
        """All but the first in line, which may be under way."""
        stale = [report for report in self._waiting[1:] if report.what == "checkpoints"]
        for report in stale:
            self._waiting.remove(report)
            for file in report.files:
                file.path.unlink(missing_ok=True)
