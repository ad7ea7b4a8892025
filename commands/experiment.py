"""What one may ask of an experiment."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from commands.access import Access, Command, May, Platform
from commands.ports import Accepted, Store
from commands.project import home, open_project
from domain.experiment import Experiment
from domain.model import Actor
from domain.project import Project
from domain.roles import Permission
from domain.values import Line, PlainName, Tag, Text


class CreateExperiment(Command):
    ACCESS: ClassVar[Access] = May(Permission.CREATE_EXPERIMENT, Project, "project_id")
    experiment_id: UUID
    project_id: UUID
    name: PlainName
    description: Text = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


class LinkMlflowExperiment(Command):
    ACCESS: ClassVar[Access] = Platform()
    experiment_id: UUID
    mlflow_experiment_id: Line


def create_experiment(command: CreateExperiment, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = open_project(store, command.project_id)
    return store.save(
        Experiment.create(
            command.experiment_id,
            home(actor),
            actor.id,
            project.id,
            command.name,
            command.description,
            command.tags,
            now,
        )
    )


def link_mlflow_experiment(command: LinkMlflowExperiment, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    experiment = store.get(Experiment, command.experiment_id)
    experiment.link_mlflow(command.mlflow_experiment_id, now)
    return store.save(experiment)
