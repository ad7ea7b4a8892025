"""The trainings that were ever asked for, by their read model, once it has come to this moment."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from infra.ledger import Ledger
from infra.reading import Reading
from projections import training_job


@dataclass(frozen=True)
class Trainings:
    reading: Reading
    ledger: Ledger

    def unfinished(self, of: UUID) -> int:
        """Raises NotThereYet where the read model does not come to this moment soon."""
        self.reading.wait_until([training_job.PROJECTION.name], self.ledger.head().position)
        return self.reading.ask(partial(training_job.count_unfinished, of=of), 0)
