"""A project: what a team works on together; its experiments live in it."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from domain.model import Aggregate, Event, InitialEvent
from domain.values import Name, Text


class Project(Aggregate):
    TOPIC: ClassVar[str] = "project"

    class Created(InitialEvent):
        TOPIC: ClassVar[str] = "project.created"
        organization_id: UUID
        owner_id: UUID
        name: Name
        description: Text

        def apply(self, aggregate: "Project") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_id = self.owner_id
            aggregate.name = self.name

    class Renamed(Event):
        TOPIC: ClassVar[str] = "project.renamed"
        previous: Name
        name: Name

        def apply(self, aggregate: "Project") -> None:
            aggregate.name = self.name

    organization_id: UUID
    owner_id: UUID
    name: str

    @classmethod
    def create(
        cls, id: UUID, organization_id: UUID, owner_id: UUID, name: str, description: str, now: datetime
    ) -> Self:
        return cls._create(
            cls.Created,
            id=id,
            organization_id=organization_id,
            owner_id=owner_id,
            name=name,
            description=description,
            timestamp=now,
        )

    def rename(self, name: str, now: datetime) -> None:
        if name != self.name:
            self.trigger_event(self.Renamed, previous=self.name, name=name, timestamp=now)
