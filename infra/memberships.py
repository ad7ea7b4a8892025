"""In which organizations a person is, by the read model of members."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from infra.reading import Reading
from projections.person import organizations_of


@dataclass(frozen=True)
class Memberships:
    reading: Reading

    def of(self, person_id: UUID) -> list[UUID]:
        """Where nothing was ever read, a person is where it registered, which the person itself knows."""
        return self.reading.ask(partial(organizations_of, person_id=person_id), [])
