"""Training jobs over HTTP: request, run again, cancel, and what can be trained at all."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, Strict
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors, watch
from api.dataset import show as show_dataset
from api.edge import Body, Empty, PersonDesk
from api.experiment import show as show_experiment
from api.house import House, TheHouse
from api.project import show as show_project
from api.reading import After, Known, Limit, Member, may, reads
from api.waiting import Waiting
from commands.access import Caller
from commands.training_job import CancelTraining, RequestTraining, RunAgain
from domain.content import Snapshot
from domain.errors import NotFound
from domain.roles import Permission, Scope
from domain.training import Device, Recipe, Status, Weights
from domain.training_job import TrainingJob
from domain.values import Parameters, Sha256, Slug, Value
from infra.trainers import TrainableModel
from projections import dataset, experiment, project, training_job
from projections.attempt import AttemptRow, list_attempts
from projections.epoch import CheckpointRow, list_checkpoints
from projections.models import find_model, is_hidden
from projections.paging import Page
from projections.training_job import JobRow, find_job, list_jobs

router = APIRouter(tags=["training"])
# Whether a model may be begun from is asked beside the command.
Trainee = Annotated[Known, Depends(may(Permission.READ, scope=Scope.TRAIN))]
READ = (training_job.PROJECTION, dataset.PROJECTION, project.PROJECTION, experiment.PROJECTION)
Reading = Annotated[Connection, reads(*READ)]


class ParentModel(Body):
    """An earlier model, an object by its hash, or nothing."""

    model_id: UUID | None = None
    sha256: Sha256 | None = None


class TrainingRequest(Body):
    project_id: UUID
    dataset_id: UUID
    experiment_id: UUID | None = None
    framework: Slug
    model: Slug
    parameters: Parameters = Field(default_factory=dict)
    weights: ParentModel = ParentModel()
    device: Device = Device.AUTO
    gpus: Annotated[int, Strict(), Field(ge=0, le=1)] = 0


class Job(Value):
    """A training job as the ledger has it."""

    id: UUID
    project_id: UUID
    experiment_id: UUID
    dataset_id: UUID
    snapshot: Snapshot
    recipe: Recipe
    status: Status
    attempt: int
    cancelling: bool


class Framework(Value):
    framework: str
    models: tuple[TrainableModel, ...]


@router.get("/training/models", summary="List models that can be trained", responses=errors.responses(401, 403, 503))
def models(member: Member, house: TheHouse) -> list[Framework]:
    """What the trainers' services have reported."""
    return [Framework(framework=name, models=models) for name, models in house.trainers.all().items()]


@router.post(
    "/training-jobs",
    summary="Create a training job",
    status_code=202,
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def request(body: TrainingRequest, desk: PersonDesk, member: Trainee, tx: Reading, house: TheHouse) -> Job:
    if body.weights.model_id:
        watch.named(desk.request, desk.caller, body.weights.model_id)
    ids = {"job_id": uuid7(), "new_experiment_id": uuid7(), "snapshot_id": uuid7()}
    wanted = dict(body) | {"weights": _weights(body.weights, member, tx, house)}
    accepted = desk(RequestTraining(code_version=house.code_version, **ids, **wanted))
    return shown(house, desk.caller, accepted.id)


@router.post(
    "/training-jobs/{job_id}/run-again",
    summary="Run a training job again",
    status_code=202,
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def run_again(job_id: UUID, desk: PersonDesk, house: TheHouse, body: Empty | None = None) -> Job:
    """As a new job: the same recipe on the same snapshot, by the platform's code of today."""
    accepted = desk(RunAgain(job_id=uuid7(), of=job_id, code_version=house.code_version))
    return shown(house, desk.caller, accepted.id)


@router.post(
    "/training-jobs/{job_id}/cancel",
    summary="Cancel a training job",
    status_code=202,
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def cancel(job_id: UUID, desk: PersonDesk, house: TheHouse, body: Empty | None = None) -> Job:
    accepted = desk(CancelTraining(job_id=job_id))
    return shown(house, desk.caller, accepted.id)


class ListedJob(JobRow):
    """`waits_for` says what keeps a queued job from its beginning, other than that no worker is free."""

    waits_for: str | None


class JobDetail(ListedJob):
    attempts: list[AttemptRow]
    checkpoints: list[CheckpointRow]


@router.get("/training-jobs", summary="List training jobs", responses=errors.responses(401, 403, 404, 422, 503))
def index(
    member: Member,
    tx: Reading,
    house: TheHouse,
    experiment_id: UUID | None = None,
    project_id: UUID | None = None,
    dataset_id: UUID | None = None,
    status: Status | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ListedJob]:
    for id, shown_at in ((experiment_id, show_experiment), (project_id, show_project), (dataset_id, show_dataset)):
        if id is not None:
            shown_at(id, member, tx)
    wanted = {"experiment_id": experiment_id, "project_id": project_id, "dataset_id": dataset_id}
    page = list_jobs(
        tx, member.organization_id, viewer=member.viewer, **wanted, status=status, after=after, limit=limit
    )
    waiting = Waiting(house, member)
    return Page([ListedJob(**dict(row), waits_for=waiting.why(row)) for row in page.items], page.next)


@router.get(
    "/training-jobs/{job_id}", summary="Get a training job", responses=errors.responses(401, 403, 404, 422, 503)
)
def show(job_id: UUID, member: Member, tx: Reading, house: TheHouse) -> JobDetail:
    row = find_job(tx, member.organization_id, job_id, viewer=member.viewer)
    if row is None:
        raise NotFound(f"there is no training job {job_id}")
    attempts = list_attempts(tx, member.organization_id, job_id)
    checkpoints = list_checkpoints(tx, member.organization_id, job_id)
    return JobDetail(**dict(row), waits_for=Waiting(house, member).why(row), attempts=attempts, checkpoints=checkpoints)


def _weights(weights: ParentModel, member: Known, tx: Connection, house: House) -> Weights:
    """An earlier model is pinned by its hash; bytes that this organization does not have are no start."""
    id, viewer = weights.model_id, member.viewer
    model = find_model(tx, member.organization_id, id, viewer=viewer) if id else None
    if weights.model_id and (model is None or model.purged_at or weights.sha256 not in (None, model.sha256)):
        raise NotFound(f"there is no model {weights.model_id} with these weights")
    if model is not None:
        return Weights(model_id=model.id, sha256=model.sha256)
    if weights.sha256 and not _may_start_from(weights.sha256, member, tx, house):
        raise NotFound(f"there is no object {weights.sha256} to start from")
    return Weights(sha256=weights.sha256)


def _may_start_from(sha256: str, member: Known, tx: Connection, house: House) -> bool:
    """Who knows the hash of a model does not know its bytes."""
    if is_hidden(tx, member.organization_id, sha256, viewer=member.viewer):
        return False
    return bool(house.blobs.known(member.organization_id, [sha256]))


def shown(house: House, caller: Caller, job_id: UUID) -> Job:
    job = house.ledger_as(caller).get(TrainingJob, job_id)
    return Job(**{name: getattr(job, name) for name in Job.model_fields})
