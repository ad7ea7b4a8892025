"""Why a queued training does not begin, other than that no worker is free."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from api.house import House
from api.reading import Known
from domain.organization import Organization, month_of
from domain.training import Status
from projections.training_job import JobRow


@dataclass
class Waiting:
    """What is the same for all jobs of the organization is found out once."""

    house: House
    member: Known

    def why(self, job: JobRow) -> str | None:
        if job.status is not Status.QUEUED:
            return None
        wants_gpu = job.recipe.device.takes_gpu(self.house.trainers.have_gpus(job.recipe.framework))
        return (self._no_gpu if wants_gpu else None) or self._no_place

    @cached_property
    def _no_place(self) -> str | None:
        return self.house.places.why_waiting(self.member.organization_id)

    @cached_property
    def _no_gpu(self) -> str | None:
        now, at = datetime.now(UTC), self.member.organization_id
        used = self.house.usage.gpu_hours(at, month_of(now), now)
        return self.house.ledger_as(self.member.caller).get(Organization, at).why_no_gpu(used)
