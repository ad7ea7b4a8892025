"""Whoever left an organization has no place any more in its projects and datasets, also not once they come back."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from commands.access import Command
from commands.dataset import VacateDataset
from commands.project import VacateProject
from consumers.acting import Platform
from domain.membership import Membership
from domain.model import Recorded
from infra.reading import Reading
from projections import dataset, datasets, project
from projections.shared import list_held

VACATE: Final = "vacate-on-membership-ended"
VACATE_FILTERS: Final = ("vistory.events.*.membership.*.ended",)
PATIENCE: Final = 2.0


@dataclass(frozen=True)
class LeavingReaction:
    """Nobody who is no member is given a place, so read models that know of the end know of every place before it."""

    platform: Platform
    reading: Reading

    async def vacate_on_membership_ended(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, Membership.Ended):
            membership = await self.platform.get(Membership, event.originator_id)
            for command, thing_id in await asyncio.to_thread(self._held, membership, recorded.position):
                name = f"{type(command).__name__} {thing_id}"
                await self.platform.react(command, recorded.envelope, name)

    def _held(self, membership: Membership, ended: int) -> list[tuple[Command, UUID]]:
        """Raises NotThereYet. What was given or offered since, to one who came back, is none of those."""
        self.reading.wait_until((project.PROJECTION.name, dataset.PROJECTION.name), ended, PATIENCE)
        whose = membership.organization_id, membership.person_id
        with self.reading.transaction() as tx:
            of_projects = list_held(tx, project.members, project.offers, *whose, before=ended)
            of_datasets = list_held(tx, datasets.members, datasets.offers, *whose, before=ended)
        person = membership.person_id
        return [
            *((VacateProject(project_id=id, person_id=person, upto=upto), id) for id, upto in of_projects),
            *((VacateDataset(dataset_id=id, person_id=person, upto=upto), id) for id, upto in of_datasets),
        ]
