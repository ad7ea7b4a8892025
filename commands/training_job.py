"""What one may ask of a training job: people request and cancel, workers claim and report."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, Strict

from commands.access import Access, Command, May, OfAttempt, Platform, Worker
from commands.ports import Accepted, Places, Store, Trainers, Usage
from commands.project import home, open_project
from domain.dataset import Dataset, DatasetIsEmpty
from domain.errors import Invalid
from domain.experiment import Experiment
from domain.model import Actor
from domain.organization import Organization, month_of
from domain.project import Project
from domain.roles import Permission
from domain.training import Checkpoint, Device, Evidence, Model, Outcome, RanOn, Recipe, Start, Status, Weights
from domain.training_job import TrainingJob
from domain.values import Count, Finite, Line, Metrics, Parameters, Sha256, Slug


class RequestTraining(Command):
    """`new_experiment_id` and `snapshot_id` are used where an experiment or a snapshot has to be made."""

    ACCESS: ClassVar[Access] = May(Permission.REQUEST_TRAINING, Project, "project_id")
    job_id: UUID
    project_id: UUID
    dataset_id: UUID
    experiment_id: UUID | None = None
    new_experiment_id: UUID
    snapshot_id: UUID
    framework: Slug
    model: Slug
    parameters: Parameters = Field(default_factory=dict)
    weights: Weights = Weights()
    device: Device = Device.AUTO
    gpus: Annotated[int, Strict(), Field(ge=0, le=64)] = 0
    code_version: Line


class RunAgain(Command):
    """The same recipe on the same snapshot, as a new job, by the code of today."""

    ACCESS: ClassVar[Access] = May(Permission.REQUEST_TRAINING, TrainingJob, "of")
    job_id: UUID
    of: UUID
    code_version: Line


class CancelTraining(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_TRAINING, TrainingJob, "job_id")
    job_id: UUID


class ClaimJob(OfAttempt):
    """`gpus` are those that the worker could train on."""

    ACCESS: ClassVar[Access] = Worker(own=False)
    worker: Line
    gpus: Count = 0


class ReportStart(OfAttempt):
    ACCESS: ClassVar[Access] = Worker()
    device: RanOn
    environment: Annotated[dict[Line, Line], Field(max_length=100)]
    parameters: Parameters
    resumed_from: Checkpoint | None = None


class ReportEpoch(OfAttempt):
    ACCESS: ClassVar[Access] = Worker()
    epoch: Count
    epochs: Count
    metrics: Metrics
    seconds: Annotated[Finite, Field(ge=0)]


class ReportCheckpoint(OfAttempt):
    ACCESS: ClassVar[Access] = Worker()
    checkpoint: Checkpoint


class CompleteTraining(OfAttempt):
    ACCESS: ClassVar[Access] = Worker()
    best_epoch: Count
    metrics: Metrics
    model: Model
    result: Sha256
    picture: Sha256 | None = None


class FailTraining(OfAttempt):
    ACCESS: ClassVar[Access] = Worker()
    evidence: Evidence


class HandOver(OfAttempt):
    """The worker gives its attempt back, because its service stops."""

    ACCESS: ClassVar[Access] = Worker()
    evidence: Evidence


class LoseAttempt(OfAttempt):
    """The reaper gives up an attempt whose worker is gone."""

    ACCESS: ClassVar[Access] = Platform()
    evidence: Evidence


class LinkMlflowRun(Command):
    ACCESS: ClassVar[Access] = Platform()
    job_id: UUID
    mlflow_run_id: Line


def request_training(
    command: RequestTraining, actor: Actor, now: datetime, *, store: Store, trainers: Trainers, usage: Usage
) -> Accepted:
    """Pins a snapshot, makes an experiment where none is named, asks for attempt 1: one append."""
    project = open_project(store, command.project_id)
    dataset = store.get(Dataset, command.dataset_id)
    experiment = _experiment(command, project, actor, now, store)
    recipe = _recipe(command, dataset, trainers)
    _must_have_gpu_hours(recipe, home(actor), now, store, usage, gpus=trainers.have_gpus(recipe.framework))
    snapshot = dataset.snapshot_for_training(command.snapshot_id, command.job_id, now)
    job = TrainingJob.request(
        command.job_id, home(actor), actor.id, project.id, experiment.id, dataset.id, snapshot, recipe, now
    )
    return store.save(job, dataset, experiment)


def _experiment(command: RequestTraining, project: Project, actor: Actor, now: datetime, store: Store) -> Experiment:
    if command.experiment_id is None:
        name = f"{project.name[:150]}: {command.model}"
        return Experiment.create(command.new_experiment_id, home(actor), actor.id, project.id, name, "", (), now)
    experiment = store.get(Experiment, command.experiment_id)
    if experiment.project_id != project.id:
        raise Invalid(f"experiment {experiment.id} belongs to another project")
    return experiment


def _recipe(command: RequestTraining, dataset: Dataset, trainers: Trainers) -> Recipe:
    if dataset.content is None:
        raise DatasetIsEmpty(f"dataset {dataset.name!r} has no images to train on; upload some first")
    task = dataset.content.task
    return Recipe(
        framework=command.framework,
        task=task,
        model=command.model,
        parameters=trainers.check(command.framework, command.model, task, command.parameters),
        weights=command.weights,
        device=_device(command.gpus, command.device),
        gpus=command.gpus,
        code_version=command.code_version,
    )


def _device(gpus: int, device: Device) -> Device:
    """GPUs are counted for the day that a training can use several; until then one means a CUDA device."""
    if gpus > 1:
        raise Invalid(f"a training uses one GPU as yet, and {gpus} were asked for")
    if gpus and device is Device.CPU:
        raise Invalid("a GPU and the device cpu were asked for; name one of them")
    return Device.CUDA if gpus else device


def _must_have_gpu_hours(
    recipe: Recipe, organization_id: UUID, now: datetime, store: Store, usage: Usage, *, gpus: bool
) -> None:
    """Only for what would run on a GPU, where there are some."""
    if recipe.device.takes_gpu(gpus):
        used = usage.gpu_hours(organization_id, month_of(now), now)
        store.get(Organization, organization_id).must_have_gpu_hours(used)


def run_again(
    command: RunAgain, actor: Actor, now: datetime, *, store: Store, trainers: Trainers, usage: Usage
) -> Accepted:
    before = store.get(TrainingJob, command.of)
    open_project(store, before.project_id)
    dataset = store.get(Dataset, before.dataset_id)
    dataset.must_be_there()
    recipe = before.recipe
    _must_have_gpu_hours(recipe, home(actor), now, store, usage, gpus=trainers.have_gpus(recipe.framework))
    parameters = trainers.check(recipe.framework, recipe.model, recipe.task, recipe.parameters)
    of_today = {"parameters": parameters, "code_version": command.code_version}
    again = recipe.model_copy(update=of_today | {"device": _device(recipe.gpus, recipe.device)})
    return store.save(
        TrainingJob.request(
            command.job_id,
            home(actor),
            actor.id,
            before.project_id,
            before.experiment_id,
            dataset.id,
            before.snapshot,
            again,
            now,
        )
    )


def cancel_training(command: CancelTraining, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.cancel(now)
    return store.save(job)


def claim_job(
    command: ClaimJob, actor: Actor, now: datetime, *, store: Store, places: Places, usage: Usage
) -> Accepted:
    """An organization's hours and places are judged as an attempt begins: a queue may be longer than either."""
    job = store.get(TrainingJob, command.job_id)
    begins = job.status is Status.QUEUED
    job.claim(command.attempt, actor.id, command.worker, now)
    if begins:
        _must_have_gpu_hours(job.recipe, job.organization_id, now, store, usage, gpus=command.gpus > 0)
        places.take(job.organization_id, job.id)
    return store.save(job)


def report_start(command: ReportStart, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    start = Start(command.device, command.environment, command.parameters, command.resumed_from)
    job.start(command.attempt, start, now)
    return store.save(job)


def report_epoch(command: ReportEpoch, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.complete_epoch(command.attempt, command.epoch, command.epochs, command.metrics, command.seconds, now)
    return store.save(job)


def report_checkpoint(command: ReportCheckpoint, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.save_checkpoint(command.attempt, command.checkpoint, now)
    return store.save(job)


def complete_training(command: CompleteTraining, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    outcome = Outcome(command.best_epoch, command.metrics, command.model, command.result, command.picture)
    job.complete(command.attempt, outcome, now)
    return store.save(job)


def fail_training(command: FailTraining, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.fail(command.attempt, command.evidence, now)
    return store.save(job)


def lose_attempt(command: LoseAttempt | HandOver, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.lose(command.attempt, command.evidence, now)
    return store.save(job)


def link_mlflow_run(command: LinkMlflowRun, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    job.link_mlflow(command.mlflow_run_id, now)
    return store.save(job)
