"""Training jobs as they stand: what was asked for, how far it is, what came of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Select, func, or_, select

from domain.content import Snapshot
from domain.model import Recorded
from domain.training import OVER, Evidence, Recipe, Status
from domain.training_job import TrainingJob
from domain.values import Value
from projections.attempt import ATTEMPTS
from projections.called import NAMES, PURGED, with_names
from projections.epoch import EPOCHS
from projections.folding import changed, plain
from projections.jobs import jobs
from projections.model import Key, Projection, Row, View
from projections.models import MODELS
from projections.paging import Page, first, newest
from projections.shown import of_dataset
from projections.topics import TRAINING_JOB


class JobRow(Value):
    """`metrics` are those of the last epoch, and at the end those of the test side.

    `dataset` and `project` are their names of today; None where another read model has not seen them yet.
    With `purged_at`, its files and figures in MLflow are gone: they went with the project.
    """

    id: UUID
    organization_id: UUID
    owner_id: UUID
    project_id: UUID
    experiment_id: UUID
    project: str | None
    dataset_id: UUID
    dataset: str | None
    snapshot: Snapshot
    recipe: Recipe
    status: Status
    attempt: int
    cancelling: bool
    epoch: int
    epochs: int | None
    metrics: dict[str, float | str]
    best_epoch: int | None
    model_id: UUID | None
    result: str | None
    picture: str | None
    mlflow_run_id: str | None
    reason: str | None
    evidence: Evidence | None
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    purged_at: datetime | None
    first_position: int
    position: int


_FRESH: Final[dict[str, Any]] = {
    "status": Status.QUEUED.value,
    "attempt": 1,
    "cancelling": False,
    "epoch": 0,
    "epochs": None,
    "metrics": {},
    "best_epoch": None,
    "model_id": None,
    "result": None,
    "picture": None,
    "mlflow_run_id": None,
    "reason": None,
    "evidence": None,
    "started_at": None,
    "ended_at": None,
}


def _requested(recorded: Recorded, event: TrainingJob.Requested) -> Row:
    return {
        "organization_id": event.organization_id,
        "owner_id": event.owner_id,
        "project_id": event.project_id,
        "experiment_id": event.experiment_id,
        "dataset_id": event.dataset_id,
        "snapshot": plain(event.snapshot),
        "recipe": plain(event.recipe),
        **_FRESH,
        "requested_at": recorded.envelope.decided_at,
        "first_position": recorded.position,
    }


_OF_A_JOB: Final = TRAINING_JOB - {"training_job.checkpoint_saved", "training_job.lost"}


def _job_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in _OF_A_JOB:
        yield (recorded.event.originator_id,)


def _job(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case TrainingJob.Requested() as event:
            return _requested(recorded, event)
        case TrainingJob.Claimed():
            return changed(row, status=Status.CLAIMED.value)
        case TrainingJob.Started(resumed_from=resumed):
            since = changed(row)["started_at"] or recorded.envelope.decided_at
            return changed(row, status=Status.RUNNING.value, started_at=since, epoch=resumed.epoch if resumed else 0)
        case TrainingJob.EpochCompleted(epoch=epoch, epochs=epochs, metrics=metrics):
            return changed(row, epoch=epoch, epochs=epochs, metrics=plain(metrics))
        case TrainingJob.MlflowLinked(mlflow_run_id=mlflow_run_id):
            return changed(row, mlflow_run_id=mlflow_run_id)
        case TrainingJob.CancelRequested():
            return changed(row, cancelling=True)
        case TrainingJob.Requeued(attempt=attempt, resume_from=resume):
            return changed(row, status=Status.QUEUED.value, attempt=attempt, epoch=resume.epoch if resume else 0)
    return _ended(row, recorded)


def _ended(row: Row | None, recorded: Recorded) -> Row | None:
    now = recorded.envelope.decided_at
    match recorded.event:
        case TrainingJob.Completed() as event:
            return changed(
                row,
                status=Status.COMPLETED.value,
                metrics=plain(event.metrics),
                best_epoch=event.best_epoch,
                model_id=event.model.id,
                result=event.result,
                picture=event.picture,
                ended_at=now,
            )
        case TrainingJob.Failed(evidence=evidence):
            return changed(
                row,
                status=Status.FAILED.value,
                reason=evidence.reason.value,
                evidence=plain(evidence),
                ended_at=now,
            )
        case TrainingJob.Cancelled(reason=reason):
            return changed(row, status=Status.CANCELLED.value, reason=reason.value, ended_at=now)
    return row


PROJECTION: Final = Projection(
    "training_job",
    (View(jobs, _job_keys, _job, _OF_A_JOB), ATTEMPTS, *EPOCHS, MODELS),
)


def find_job(tx: Connection, organization_id: UUID, id: UUID, *, viewer: UUID | None) -> JobRow | None:
    query = _shown(organization_id, viewer).where(jobs.c.id == id)
    return first(tx, query, JobRow)


def _shown(organization_id: UUID, viewer: UUID | None) -> Select[Any]:
    query = select(jobs, *NAMES).select_from(with_names(jobs, jobs))
    return query.where(jobs.c.organization_id == organization_id, of_dataset(jobs.c.dataset_id, viewer))


def any_hidden(tx: Connection, viewer: UUID | None) -> bool:
    """Goes from one dataset to the next, not from job to job: it is asked for every part of a page of MLflow's."""
    if viewer is None:
        return False
    trained = select(jobs.c.dataset_id).order_by(jobs.c.dataset_id).limit(1)
    step = select(trained.scalar_subquery().label("id")).cte("step", recursive=True)
    following = trained.where(jobs.c.dataset_id > step.c.id).scalar_subquery()
    step = step.union_all(select(following).where(step.c.id.is_not(None)))
    hidden = select(step.c.id).where(step.c.id.is_not(None), ~of_dataset(step.c.id, viewer)).limit(1)
    return tx.execute(hidden).first() is not None


def list_jobs(
    tx: Connection,
    organization_id: UUID,
    *,
    viewer: UUID | None,
    project_id: UUID | None = None,
    experiment_id: UUID | None = None,
    dataset_id: UUID | None = None,
    status: Status | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[JobRow]:
    """Without those that were purged."""
    wanted = {"project_id": project_id, "experiment_id": experiment_id, "dataset_id": dataset_id}
    query = _shown(organization_id, viewer).where(
        PURGED.is_(None), *(jobs.c[name] == value for name, value in wanted.items() if value is not None)
    )
    if status is not None:
        query = query.where(jobs.c.status == status.value)
    return newest(tx, query, jobs.c.first_position, JobRow, after, limit)


def list_queued(tx: Connection, of: UUID) -> list[UUID]:
    """Of this project, or on this dataset: those that wait for a worker."""
    on = or_(jobs.c.project_id == of, jobs.c.dataset_id == of)
    return list(tx.scalars(select(jobs.c.id).where(on, jobs.c.status == Status.QUEUED.value)))


def count_unfinished(tx: Connection, of: UUID) -> int:
    """In this project, or on this dataset."""
    unfinished = jobs.c.status.not_in([each.value for each in OVER])
    query = select(func.count()).where(or_(jobs.c.project_id == of, jobs.c.dataset_id == of), unfinished)
    return tx.execute(query).scalar_one()
