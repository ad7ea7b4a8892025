"""What one may ask about the trash: datasets into it and back, and whatever is in it gone for good."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May, Platform
from commands.ports import Accepted, Store, Trainings
from domain.dataset import Dataset
from domain.model import Actor
from domain.project import Project
from domain.roles import Permission
from domain.trash import IN_THE_TRASH, Disposable, IsInUse
from domain.values import Name


class DeleteDataset(Command):
    """Into the trash, for 30 days at least. Trainings that were asked for before go on; nobody begins another on it."""

    ACCESS: ClassVar[Access] = May(Permission.DELETE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID


class UndeleteDataset(Command):
    """Out of the trash, as it was."""

    ACCESS: ClassVar[Access] = May(Permission.DELETE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID


class PurgeDataset(Command):
    """Out of the trash for good, before its time: its images go where no other dataset has them. Its history stays."""

    ACCESS: ClassVar[Access] = May(Permission.PURGE, Dataset, "dataset_id")
    dataset_id: UUID
    name: Name


class PurgeProject(Command):
    """Out of the trash for good, before its time: the files of its trainings and models go. Its history stays."""

    ACCESS: ClassVar[Access] = May(Permission.PURGE, Project, "project_id")
    project_id: UUID
    name: Name


class PurgeDatasetInTime(Command):
    ACCESS: ClassVar[Access] = Platform()
    dataset_id: UUID


class PurgeProjectInTime(Command):
    ACCESS: ClassVar[Access] = Platform()
    project_id: UUID


def delete_dataset(command: DeleteDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    dataset.delete(now + IN_THE_TRASH, now)
    return store.save(dataset)


def undelete_dataset(command: UndeleteDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    dataset.undelete(now)
    return store.save(dataset)


def purge_dataset(
    command: PurgeDataset, actor: Actor, now: datetime, *, store: Store, trainings: Trainings
) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    dataset.purge(command.name, now)
    return _save_unused(dataset, store, trainings)


def purge_project(
    command: PurgeProject, actor: Actor, now: datetime, *, store: Store, trainings: Trainings
) -> Accepted:
    project = store.get(Project, command.project_id)
    project.purge(command.name, now)
    return _save_unused(project, store, trainings)


def purge_dataset_in_time(
    command: PurgeDatasetInTime, actor: Actor, now: datetime, *, store: Store, trainings: Trainings
) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    dataset.purge_in_time(now)
    return _save_unused(dataset, store, trainings)


def purge_project_in_time(
    command: PurgeProjectInTime, actor: Actor, now: datetime, *, store: Store, trainings: Trainings
) -> Accepted:
    project = store.get(Project, command.project_id)
    project.purge_in_time(now)
    return _save_unused(project, store, trainings)


def _save_unused(thing: Disposable, store: Store, trainings: Trainings) -> Accepted:
    """None can begin with what is in the trash: those that are counted are all there will be. Raises IsInUse."""
    if left := trainings.unfinished(thing.id):
        need = "training that is" if left == 1 else "trainings that are"
        raise IsInUse(f"{left} {need} not over need {thing.TOPIC} {thing.name!r}; cancel them, or wait for their end")
    return store.save(thing)
