"""Ends what went on in an organization that was closed, and, when its time is over, all of it.

What is left to do is looked up each time, so it goes on wherever it was broken off. The ledger refuses what a reopening
came before, and what was done is not done twice.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from commands.access import Command
from commands.ending import (
    DissolveDataset,
    DissolveMembership,
    DissolveProject,
    DissolveServiceAccount,
    PurgeOrganization,
    StopDatasetOffer,
    StopInvitation,
    StopProjectOffer,
    StopTraining,
)
from consumers.acting import CALLER
from infra import logs
from infra.host import Host
from infra.reach import in_short
from infra.reading import NotThereYet
from infra.unit import Errand
from projections import ending

EVERY: Final = 2.0
log = logging.getLogger(__name__)
Step = tuple[Callable[[Connection], list[UUID]], Callable[[UUID], Command]]

# In this order: a training uses its dataset, and whoever owns projects is a member until they are gone.
STEPS: Final[tuple[Step, ...]] = (
    (ending.list_trainings, lambda id: StopTraining(job_id=id)),
    (ending.list_invitations, lambda id: StopInvitation(invitation_id=id)),
    (ending.list_offered_projects, lambda id: StopProjectOffer(project_id=id)),
    (ending.list_offered_datasets, lambda id: StopDatasetOffer(dataset_id=id)),
    (ending.list_projects, lambda id: DissolveProject(project_id=id)),
    (ending.list_datasets, lambda id: DissolveDataset(dataset_id=id)),
    (ending.list_service_accounts, lambda id: DissolveServiceAccount(service_account_id=id)),
    (ending.list_memberships, lambda id: DissolveMembership(membership_id=id)),
)


@dataclass(frozen=True)
class Liquidator:
    host: Host
    complaints: logs.Complaints = field(default_factory=lambda: logs.Complaints(log))

    async def run(self) -> None:
        """Until cancelled; without a pause while there is something to do."""
        while True:
            if not await asyncio.to_thread(self.once, datetime.now(UTC)):
                await asyncio.sleep(EVERY)

    def once(self, now: datetime) -> int:
        """Some of each kind: how many were done. What cannot be done yet keeps nothing else from being done."""
        due = partial(ending.list_due, now=now)
        done = sum(self._do(PurgeOrganization(organization_id=id), now) for id in self._found(due))
        for list_some, wish in STEPS:
            done += sum(self._do(wish(id), now) for id in self._found(list_some))
        if done:
            self._catch_up()
        return done

    def _found(self, question: Callable[[Connection], list[UUID]]) -> list[UUID]:
        found: list[UUID] = self.host.reading.ask(question, [])
        return found

    def _do(self, command: Command, now: datetime) -> bool:
        try:
            self.host.dispatch(command, Errand(CALLER, now, uuid7()))
        except Exception as error:
            self.complaints.hear(f"{type(command).__name__} waits: {in_short(error)}")
            return False
        return True

    def _catch_up(self) -> None:
        """What was done just now is not to be found again."""
        try:
            self.host.reading.wait_until(ending.READ, self.host.core.store.head().position)
        except NotThereYet as late:
            self.complaints.hear(f"the ending goes on later: {late}")
