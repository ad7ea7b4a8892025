"""Experiments over HTTP, and the runs in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, PersonDesk
from api.project import show as show_project
from api.reading import After, Limit, Member, reads
from commands.experiment import CreateExperiment
from domain.errors import Invalid, NotFound
from domain.training import Status
from domain.values import PlainName, Tag, Text, Value
from projections import dataset, experiment, project, training_job
from projections.epoch import EpochRow, list_epochs
from projections.experiment import ExperimentRow, find_experiment, has_experiment, list_experiments
from projections.paging import Page
from projections.run import CONDITION, SORT, NoOrder, RunComparison, RunRow, compared, find_runs, list_runs
from projections.training_job import find_job

router = APIRouter(prefix="/experiments", tags=["experiments"])
READ = (dataset.PROJECTION, experiment.PROJECTION, project.PROJECTION, training_job.PROJECTION)
Reading = Annotated[Connection, reads(*READ)]
Conditions = Annotated[
    tuple[Annotated[str, Field(pattern=CONDITION)], ...],
    Query(max_length=20, description="`metrics.mAP50>0.8`, `parameters.lr0<=0.01`, `parameters.optimizer=SGD`"),
]
Sort = Annotated[
    str | None,
    Query(pattern=SORT, description="`metrics.loss`, or `-metrics.mAP50`: the largest first"),
]
Chosen = Annotated[list[UUID], Query(min_length=1, max_length=50, description="The runs, each once")]


class NewExperiment(Body):
    project_id: UUID
    name: PlainName
    description: Text = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


class RunMetrics(Value):
    """Epoch by epoch, and at the end what the test side said."""

    job_id: UUID
    epochs: list[EpochRow]
    metrics: dict[str, float | str]
    best_epoch: int | None


@router.post(
    "", summary="Create an experiment", status_code=201, responses=errors.responses(401, 403, 404, 409, 413, 422, 503)
)
def create(body: NewExperiment, desk: PersonDesk) -> CommandReceipt:
    accepted = desk(CreateExperiment(experiment_id=uuid7(), **dict(body)))
    return CommandReceipt(id=accepted.id)


@router.get("", summary="List experiments", responses=errors.responses(401, 403, 404, 422, 503))
def index(
    member: Member, tx: Reading, project_id: UUID | None = None, after: After = None, limit: Limit = 50
) -> Page[ExperimentRow]:
    if project_id is not None:
        show_project(project_id, member, tx)
    return list_experiments(
        tx, member.organization_id, viewer=member.viewer, project_id=project_id, after=after, limit=limit
    )


@router.get("/{experiment_id}", summary="Get an experiment", responses=errors.responses(401, 403, 404, 422, 503))
def show(experiment_id: UUID, member: Member, tx: Reading) -> ExperimentRow:
    if row := find_experiment(tx, member.organization_id, experiment_id, viewer=member.viewer):
        return row
    raise _unknown(experiment_id)


def _unknown(id: UUID) -> NotFound:
    return NotFound(f"there is no experiment {id}")


@router.get(
    "/{experiment_id}/runs",
    summary="List the runs of an experiment",
    responses=errors.responses(401, 403, 404, 422, 503),
)
def runs(
    experiment_id: UUID,
    member: Member,
    tx: Reading,
    status: Status | None = None,
    where: Conditions = (),
    sort: Sort = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[RunRow]:
    """The newest first, or sorted; only those for which every condition holds."""
    if not has_experiment(tx, member.organization_id, experiment_id):
        raise _unknown(experiment_id)
    try:
        return list_runs(
            tx,
            member.organization_id,
            experiment_id,
            viewer=member.viewer,
            status=status,
            where=where,
            sort=sort,
            after=after,
            limit=limit,
        )
    except NoOrder as error:
        raise Invalid(str(error)) from error


@router.get(
    "/{experiment_id}/runs/compare",
    summary="Compare runs of an experiment",
    responses=errors.responses(401, 403, 404, 422, 503),
)
def compare(experiment_id: UUID, member: Member, tx: Reading, run: Chosen) -> RunComparison:
    """What differs between some runs, what does not, and which is the best by each metric."""
    found = find_runs(tx, member.organization_id, experiment_id, run, viewer=member.viewer)
    if missing := set(run) - {row.job_id for row in found}:
        raise NotFound(f"there is no run {min(missing)} in this experiment")
    return compared(found)


@router.get(
    "/{experiment_id}/runs/{job_id}/metrics",
    summary="Get the metrics of a run",
    responses=errors.responses(401, 403, 404, 422, 503),
)
def metrics(experiment_id: UUID, job_id: UUID, member: Member, tx: Reading, after: After = None) -> RunMetrics:
    """`after` is an epoch."""
    job = find_job(tx, member.organization_id, job_id, viewer=member.viewer)
    if job is None or job.experiment_id != experiment_id:
        raise NotFound(f"there is no run {job_id} in this experiment")
    epochs = list_epochs(tx, member.organization_id, job_id, after=after or 0)
    return RunMetrics(job_id=job_id, epochs=epochs, metrics=job.metrics, best_epoch=job.best_epoch)
