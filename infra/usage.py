"""What an organization has used up: GPU hours, by the read model of trainings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from infra.reading import Reading
from projections import attempt


@dataclass(frozen=True)
class Usage:
    reading: Reading

    def gpu_hours(self, organization_id: UUID, since: datetime, until: datetime) -> float:
        """None were used where no read model was ever made: a training need not wait for the first.

        A read model that is behind makes the answer too small; every training is judged once more as it begins.
        """
        return self.reading.ask(lambda tx: attempt.gpu_hours(tx, organization_id, since, until), 0.0)
