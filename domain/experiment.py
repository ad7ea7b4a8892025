"""An experiment: trainings of one project that are compared with each other."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain.model import Aggregate, Event, InitialEvent
from domain.values import Line, Name, Tag, Text


class Experiment(Aggregate):
    TOPIC: ClassVar[str] = "experiment"

    class Created(InitialEvent):
        TOPIC: ClassVar[str] = "experiment.created"
        organization_id: UUID
        owner_id: UUID
        project_id: UUID
        name: Name
        description: Text
        tags: Annotated[tuple[Tag, ...], Field(max_length=50)]

        def apply(self, aggregate: "Experiment") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_id = self.owner_id
            aggregate.project_id = self.project_id
            aggregate.name = self.name
            aggregate.mlflow_experiment_id = None

    class MlflowLinked(Event):
        """The experiment has its counterpart in MLflow."""

        TOPIC: ClassVar[str] = "experiment.mlflow_linked"
        mlflow_experiment_id: Line

        def apply(self, aggregate: "Experiment") -> None:
            aggregate.mlflow_experiment_id = self.mlflow_experiment_id

    organization_id: UUID
    owner_id: UUID
    project_id: UUID
    name: str
    mlflow_experiment_id: str | None

    @classmethod
    def create(
        cls,
        id: UUID,
        organization_id: UUID,
        owner_id: UUID,
        project_id: UUID,
        name: str,
        description: str,
        tags: tuple[str, ...],
        now: datetime,
    ) -> Self:
        return cls._create(
            cls.Created,
            id=id,
            organization_id=organization_id,
            owner_id=owner_id,
            project_id=project_id,
            name=name,
            description=description,
            tags=tags,
            timestamp=now,
        )

    def link_mlflow(self, mlflow_experiment_id: str, now: datetime) -> None:
        if self.mlflow_experiment_id != mlflow_experiment_id:
            self.trigger_event(self.MlflowLinked, mlflow_experiment_id=mlflow_experiment_id, timestamp=now)
