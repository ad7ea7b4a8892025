"""Ends what went on in an organization that was closed, and, when its time is over, all of it.

What is left to do is looked up each time, so it goes on wherever it was broken off. The ledger refuses what a reopening
came before, and what was done is not done twice.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select
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
from domain.closure import Closure, closure_id
from domain.model import Envelope
from infra import logs, metrics
from infra.host import Host
from infra.reading import NotThereYet
from infra.redaction import in_short
from infra.unit import Errand
from projections import ending
from projections.ending import Left

NAME: Final = "ending"
EVERY: Final = 2.0
log = logging.getLogger(__name__)
_CAUSES: Final = (Closure.OrganizationClosed, Closure.OrganizationPurged)
Step = tuple[Select[Any], Callable[[Left], Command]]

# In this order: a training uses its dataset, and whoever owns projects is a member until they are gone.
STEPS: Final[tuple[Step, ...]] = (
    (ending.TRAININGS, lambda left: StopTraining(job_id=left.id)),
    (ending.INVITATIONS, lambda left: StopInvitation(invitation_id=left.id, upto=left.upto)),
    (ending.OFFERED_PROJECTS, lambda left: StopProjectOffer(project_id=left.id, upto=left.upto)),
    (ending.OFFERED_DATASETS, lambda left: StopDatasetOffer(dataset_id=left.id, upto=left.upto)),
    (ending.PROJECTS, lambda left: DissolveProject(project_id=left.id)),
    (ending.DATASETS, lambda left: DissolveDataset(dataset_id=left.id)),
    (ending.SERVICE_ACCOUNTS, lambda left: DissolveServiceAccount(service_account_id=left.id)),
    (ending.MEMBERSHIPS, lambda left: DissolveMembership(membership_id=left.id)),
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
        """All there is of each kind: how many were done. What cannot be done yet keeps nothing else from being done."""
        if not self.host.reading.ask(partial(ending.is_anything, now=now), False):
            return 0
        due: list[UUID] = self.host.reading.ask(partial(ending.list_due, now=now), [])
        done = sum(self._do(PurgeOrganization(organization_id=id), id, now) for id in due)
        for query, wish in STEPS:
            for left in self._found(query):
                done += self._do(wish(left), left.organization_id, now)
        if done:
            self._catch_up()
        return done

    def _found(self, query: Select[Any]) -> Iterator[Left]:
        """Page after page."""
        after = UUID(int=0)
        while page := self._page(query, after):
            yield from page
            after = page[-1].id

    def _page(self, query: Select[Any], after: UUID) -> list[Left]:
        found: list[Left] = self.host.reading.ask(partial(ending.list_left, query=query, after=after), [])
        return found

    def _do(self, command: Command, organization_id: UUID, now: datetime) -> bool:
        try:
            errand = Errand(CALLER, now, uuid7()).because_of(self._cause(organization_id))
            self.host.dispatch(command, errand)
        except Exception as error:
            metrics.RETRIES.labels(NAME).inc()
            self.complaints.hear(f"{type(command).__name__} waits: {in_short(error)}")
            return False
        return True

    def _cause(self, organization_id: UUID) -> Envelope:
        """Its closing or its end, whichever was last; it may have been reopened since."""
        told = map(self.host.core.mapper.decode, self.host.core.store.events_of(closure_id(organization_id)))
        *_, cause = (envelope for event, envelope in told if isinstance(event, _CAUSES))
        return cause

    def _catch_up(self) -> None:
        """What was done just now is not to be found again."""
        try:
            self.host.reading.wait_until(ending.READ, self.host.core.store.head().position)
        except NotThereYet as late:
            self.complaints.hear(f"the ending goes on later: {late}")
