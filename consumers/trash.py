"""Empties the trash: what has lain there for its time goes for good, and what nothing names any more is freed."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from commands.access import Command
from commands.trash import PurgeDatasetInTime, PurgeProjectInTime, WithdrawTraining
from consumers.acting import CALLER
from consumers.pace import regularly
from infra import logs, metrics
from infra.host import Host
from infra.mlflow import Mlflow
from infra.redaction import in_short
from infra.trash import Trash
from infra.unit import Errand
from projections import trash as thrown_away
from projections.training_job import list_queued
from projections.trash import Thrown

NAME: Final = "trash"
EVERY: Final = 10.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Emptier:
    host: Host
    trash: Trash
    mlflow: Mlflow
    complaints: logs.Complaints = field(default_factory=lambda: logs.Complaints(log))

    async def run(self) -> None:
        """Until cancelled."""
        await regularly(lambda: self.once(datetime.now(UTC)), EVERY)

    async def once(self, now: datetime) -> None:
        """What one thing keeps from being done is done another time, and keeps no other one."""
        with ExitStack() as stack:
            if not await asyncio.to_thread(stack.enter_context, self.trash.alone()):
                return
            await asyncio.to_thread(self.purge_due, now)
            for thrown in await asyncio.to_thread(self.trash.waiting):
                await self._surely(f"{thrown.kind} {thrown.id}", self._free(thrown))
            for upload in await asyncio.to_thread(self.trash.ended):
                await self._surely(f"upload {upload.id}", asyncio.to_thread(self.trash.drop, upload))
            for id in await asyncio.to_thread(self.trash.in_doubt):
                await self._surely(f"what organization {id} has no use for", asyncio.to_thread(self.trash.look_up, id))
            await self._surely("what is on its way", asyncio.to_thread(self.trash.sweep))

    async def _surely(self, what: str, work: Awaitable[object]) -> None:
        try:
            await work
        except Exception as error:
            self._later(f"{what} is freed another time", error)

    def purge_due(self, now: datetime) -> None:
        due: list[Thrown] = self.host.reading.ask(partial(thrown_away.list_due, now=now), [])
        for thrown in due:
            try:
                for wish in (*self._withdrawals(thrown), _purge(thrown)):
                    self.host.dispatch(wish, Errand(CALLER, now, uuid7()))
            except Exception as error:
                self._later(f"{thrown.kind} {thrown.id} waits to be purged", error)

    def _later(self, what: str, error: Exception) -> None:
        metrics.RETRIES.labels(NAME).inc()
        self.complaints.hear(f"{what}: {in_short(error)}")

    def _withdrawals(self, thrown: Thrown) -> list[Command]:
        """Of trainings that no worker took in all that time: one whose framework nobody serves would wait for ever."""
        queued: list[UUID] = self.host.reading.ask(partial(list_queued, of=thrown.id), [])
        return [WithdrawTraining(job_id=job_id) for job_id in queued]

    async def _free(self, thrown: Thrown) -> None:
        if thrown.kind == "project":
            for experiment in await asyncio.to_thread(self._experiments, thrown.id):
                await self.mlflow.delete_experiment(experiment)
        await asyncio.to_thread(self.trash.free, thrown)
        log.info("what %s %s held is freed", thrown.kind, thrown.id)

    def _experiments(self, project_id: UUID) -> list[str]:
        with self.host.reading.transaction() as tx:
            return thrown_away.list_mlflow_experiments(tx, project_id)


def _purge(thrown: Thrown) -> Command:
    if thrown.kind == "dataset":
        return PurgeDatasetInTime(dataset_id=thrown.id)
    return PurgeProjectInTime(project_id=thrown.id)
