"""What one may ask about the trash: datasets into it and back, and whatever is in it gone for good."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May, Platform
from commands.dataset import OfDataset
from commands.invitation import end_invitations_into
from commands.ports import Accepted, Secrets, Store, Trainings
from commands.project import OfProject
from domain.dataset import Dataset
from domain.model import Actor, Aggregate
from domain.project import Project
from domain.roles import Permission
from domain.training import EndReason
from domain.training_job import TrainingJob
from domain.trash import IN_THE_TRASH, Disposable, IsInUse
from domain.values import Name


class DeleteDataset(OfDataset):
    """Into the trash, for 30 days at least. Trainings that were asked for before go on; nobody begins another on it.

    One that no worker has taken when the 30 days are over is cancelled then.
    """

    ACCESS: ClassVar[Access] = May(Permission.DELETE_DATASET, Dataset, "dataset_id")


class UndeleteDataset(OfDataset):
    """Out of the trash, as it was."""

    ACCESS: ClassVar[Access] = May(Permission.DELETE_DATASET, Dataset, "dataset_id")


class PurgeDataset(OfDataset):
    """Out of the trash for good, before its time: its images go where no other dataset has them. Its history stays."""

    ACCESS: ClassVar[Access] = May(Permission.PURGE, Dataset, "dataset_id")
    name: Name


class PurgeProject(OfProject):
    """Out of the trash for good, before its time: the files of its trainings and models go. Its history stays."""

    ACCESS: ClassVar[Access] = May(Permission.PURGE, Project, "project_id")
    name: Name


class PurgeDatasetInTime(OfDataset):
    ACCESS: ClassVar[Access] = Platform()


class PurgeProjectInTime(OfProject):
    ACCESS: ClassVar[Access] = Platform()


class WithdrawTraining(Command):
    """Of one that waits for a worker still, when the time of its dataset or project in the trash is over."""

    ACCESS: ClassVar[Access] = Platform()
    job_id: UUID


def delete_dataset(command: DeleteDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    dataset = command.thing(store)
    dataset.delete(now + IN_THE_TRASH, now)
    return store.save(dataset)


def undelete_dataset(command: UndeleteDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    dataset = command.thing(store)
    dataset.undelete(now)
    return store.save(dataset)


def purge(
    command: PurgeDataset | PurgeProject,
    actor: Actor,
    now: datetime,
    *,
    store: Store,
    trainings: Trainings,
    secrets: Secrets,
) -> Accepted:
    thing = command.thing(store)
    thing.purge(command.name, now)
    return save_unused(thing, now, store, trainings, secrets)


def purge_in_time(
    command: PurgeDatasetInTime | PurgeProjectInTime,
    actor: Actor,
    now: datetime,
    *,
    store: Store,
    trainings: Trainings,
    secrets: Secrets,
) -> Accepted:
    thing = command.thing(store)
    thing.purge_in_time(now)
    return save_unused(thing, now, store, trainings, secrets)


def withdraw_training(command: WithdrawTraining, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    due = store.get(Dataset, job.dataset_id).is_due(now) or store.get(Project, job.project_id).is_due(now)
    if due:
        job.withdraw(EndReason.TARGET_PURGED, now)
    return store.save(job)


def save_unused(
    thing: Disposable, now: datetime, store: Store, trainings: Trainings, secrets: Secrets, *others: Aggregate
) -> Accepted:
    """None can begin with what is in the trash: those that are counted are all there will be. Raises IsInUse.

    Nor is anybody invited there, so what was sent before is all that ends with it.
    """
    if left := trainings.unfinished(thing.id):
        need = "training that is" if left == 1 else "trainings that are"
        raise IsInUse(f"{left} {need} not over need {thing.TOPIC} {thing.name!r}; cancel them, or wait for their end")
    return store.save(thing, *others, *end_invitations_into(thing.id, now, store=store, secrets=secrets))
