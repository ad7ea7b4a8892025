"""What workers need: telling what they can train, claiming an attempt, fetching its data, reporting."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, Strict

from api import errors
from api.dataset import Images, images_of
from api.edge import Attempt, AttemptDesk, Body, CommandReceipt, Desk, Service, ServiceDesk
from api.house import House, TheHouse
from api.threads import fetches
from commands.access import Caller, OfAttempt
from commands.inside import must_be_heard_of
from commands.training_job import (
    ClaimJob,
    CompleteTraining,
    FailTraining,
    HandOver,
    ReportCheckpoint,
    ReportEpoch,
    ReportStart,
)
from domain.content import Task
from domain.errors import Forbidden
from domain.training import Checkpoint, Evidence, Model, RanOn, Recipe
from domain.training_job import TrainingJob
from domain.values import Count, Finite, Line, Metrics, Parameters, Sha256, Slug, Value
from infra.blobs import Named
from infra.heard import Heard
from infra.objects import LARGEST_OBJECT
from infra.trainers import Models

router = APIRouter(tags=["workers"])
ANSWERS = errors.responses(401, 403, 404, 409, 413, 422, 503)
AN_ATTEMPT = "/training-jobs/{job_id}/attempts/{attempt}"


class Registry(Body):
    framework: Slug
    models: Models
    gpus: Count = 0


class RegisteredModels(Value):
    framework: str
    models: int


class AttemptClaim(Body):
    """`worker_id` is drawn by each process of a trainer's service as it starts. It tells processes apart and proves
    nothing: the credential does. Whoever has an attempt and claims it again by the same id is given another token.
    """

    attempt: Count
    worker_id: UUID
    worker: Line
    gpus: Count = 0


class Download(Value):
    sha256: Sha256
    url: str


class Resume(Download):
    epoch: Count
    size: Count


class ClaimedTraining(Value):
    """`resume` names the checkpoints that may be gone on from, the newest first."""

    id: UUID
    attempt: Count
    organization_id: UUID
    recipe: Recipe
    classes: tuple[str, ...]
    task: Task
    resume: tuple[Resume, ...]
    weights: Download | None


class ClaimedAttempt(Value):
    token: str
    job: ClaimedTraining


class AttemptObject(Body):
    sha256: Sha256
    size: Annotated[int, Strict(), Field(ge=1, le=LARGEST_OBJECT)]


class ObjectDestination(Value):
    """Where to put an object, unless it is there."""

    present: bool
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)


class AttemptStart(Body):
    device: RanOn
    environment: Annotated[dict[Line, Line], Field(max_length=100)]
    parameters: Parameters
    resumed_from: Checkpoint | None = None


class Epoch(Body):
    epoch: Count
    epochs: Count
    metrics: Metrics
    seconds: Annotated[Finite, Field(ge=0)]


class SavedCheckpoint(Body):
    checkpoint: Checkpoint


class Completion(Body):
    best_epoch: Count
    metrics: Metrics
    model: Model
    result: Sha256
    picture: Sha256 | None = None


class AttemptEnd(Body):
    evidence: Evidence


class Reported(CommandReceipt):
    cancelling: bool


class AttemptStanding(Value):
    current: bool
    cancelling: bool
    archived: Count


@router.post(
    "/workers/models",
    summary="Report the models a worker can train",
    responses=errors.responses(401, 403, 413, 422, 503),
)
def report_models(body: Registry, caller: Service, house: TheHouse) -> RegisteredModels:
    if body.framework != caller.framework:
        raise Forbidden(f"this credential is for {caller.framework}, not for {body.framework}")
    house.trainers.report(body.framework, body.models, body.gpus)
    return RegisteredModels(framework=body.framework, models=len(body.models))


@router.post(
    "/training-jobs/{job_id}/attempts", summary="Claim an attempt of a training job", status_code=201, responses=ANSWERS
)
@fetches
def claim(job_id: UUID, body: AttemptClaim, desk: ServiceDesk, house: TheHouse) -> ClaimedAttempt:
    caller = desk.caller.model_copy(update={"id": body.worker_id})
    desk(ClaimJob(job_id=job_id, attempt=body.attempt, worker=body.worker, gpus=body.gpus), caller)
    job = house.ledger_as(caller).get(TrainingJob, job_id)
    job.must_run(body.attempt)  # a claim that is repeated by its key was once good, and need not be any more
    framework = job.recipe.framework
    token = house.tokens.job(body.worker_id, framework, job_id, body.attempt, datetime.now(UTC))
    return ClaimedAttempt(token=token, job=_work(house, job, body.attempt))


@router.get(f"{AN_ATTEMPT}/entries", summary="List the images for a training attempt", responses=ANSWERS)
@fetches
def entries(
    job_id: UUID,
    attempt: int,
    caller: Attempt,
    house: TheHouse,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> Images:
    job = _current(house, caller, job_id, attempt)
    assert job.snapshot.split is not None, "a training pins a snapshot with a split"
    found = images_of(house, job.organization_id, job.snapshot.root, job.snapshot.split, after, limit)
    return Images(items=[each for each in found.items if each.side], next=found.next)


@router.post(f"{AN_ATTEMPT}/objects", summary="Ask where to upload a training file", responses=ANSWERS)
@fetches
def place(job_id: UUID, attempt: int, body: AttemptObject, caller: Attempt, house: TheHouse) -> ObjectDestination:
    job = _current(house, caller, job_id, attempt)
    named = Named(body.sha256, body.size)
    if not house.blobs.missing(job.organization_id, [named]):
        return ObjectDestination(present=True)
    house.rooms.promise(job.organization_id, [named], _never_refused)
    url, headers = house.blobs.place(job.organization_id, named)
    return ObjectDestination(present=False, url=url, headers=dict(headers))


@router.post(f"{AN_ATTEMPT}/start", summary="Report the start of a training attempt", responses=ANSWERS)
def start(job_id: UUID, attempt: int, body: AttemptStart, desk: AttemptDesk) -> Reported:
    return _report(desk, ReportStart(job_id=job_id, attempt=attempt, **dict(body)))


@router.post(f"{AN_ATTEMPT}/epochs", summary="Report an epoch of a training attempt", responses=ANSWERS)
def epoch(job_id: UUID, attempt: int, body: Epoch, desk: AttemptDesk) -> Reported:
    return _report(desk, ReportEpoch(job_id=job_id, attempt=attempt, **dict(body)))


@router.post(f"{AN_ATTEMPT}/checkpoints", summary="Report a checkpoint of a training attempt", responses=ANSWERS)
@fetches
def checkpoint(job_id: UUID, attempt: int, body: SavedCheckpoint, desk: AttemptDesk) -> Reported:
    _confirm(desk, job_id, attempt, [Named(body.checkpoint.sha256, body.checkpoint.size)])
    return _report(desk, ReportCheckpoint(job_id=job_id, attempt=attempt, checkpoint=body.checkpoint))


@router.post(f"{AN_ATTEMPT}/complete", summary="Report that a training attempt is complete", responses=ANSWERS)
@fetches
def complete(job_id: UUID, attempt: int, body: Completion, desk: AttemptDesk) -> Reported:
    _confirm(desk, job_id, attempt, [Named(body.model.sha256, body.model.size)], body.result, body.picture)
    return _report(desk, CompleteTraining(job_id=job_id, attempt=attempt, **dict(body)))


@router.post(f"{AN_ATTEMPT}/fail", summary="Report that a training attempt failed", responses=ANSWERS)
def fail(job_id: UUID, attempt: int, body: AttemptEnd, desk: AttemptDesk) -> Reported:
    return _report(desk, FailTraining(job_id=job_id, attempt=attempt, evidence=body.evidence))


@router.post(f"{AN_ATTEMPT}/hand-over", summary="Hand back a training attempt", responses=ANSWERS)
def hand_over(job_id: UUID, attempt: int, body: AttemptEnd, desk: AttemptDesk) -> Reported:
    """For a worker whose service stops. Another attempt goes on, unless this one was to be cancelled or the last."""
    return _report(desk, HandOver(job_id=job_id, attempt=attempt, evidence=body.evidence))


@router.get(
    AN_ATTEMPT, summary="Get the status of a training attempt", responses=errors.responses(401, 403, 404, 422, 503)
)
def standing(job_id: UUID, attempt: int, caller: Attempt, house: TheHouse) -> AttemptStanding:
    _own(house, caller, job_id, attempt)
    stands = house.states.standing(job_id)
    current = stands.attempt == attempt and not stands.over
    return AttemptStanding(
        current=current, cancelling=stands.cancelling, archived=house.archive.reaches(job_id, attempt)
    )


def _never_refused(stored: int, promised: int, more: int) -> None:
    """What a training makes is counted, and kept also where the quota is used up."""


def _report(desk: Desk, command: OfAttempt) -> Reported:
    accepted = desk(command)
    Heard(desk.house.core.pool).note(command.job_id, command.attempt)
    job = desk.house.ledger_as(desk.caller).get(TrainingJob, command.job_id)
    return Reported(id=accepted.id, cancelling=job.cancelling)


def _own(house: House, caller: Caller, job_id: UUID, attempt: int) -> None:
    """Whoever speaks is the worker of this attempt, and is heard of."""
    if (caller.job_id, caller.attempt) != (job_id, attempt):
        raise Forbidden("this token is good for another job or attempt")
    Heard(house.core.pool).note(job_id, attempt)


def _job(house: House, caller: Caller, job_id: UUID, attempt: int) -> TrainingJob:
    _own(house, caller, job_id, attempt)
    store = house.ledger_as(caller)
    job = store.get(TrainingJob, job_id)
    must_be_heard_of(job, store)
    return job


def _current(house: House, caller: Caller, job_id: UUID, attempt: int) -> TrainingJob:
    job = _job(house, caller, job_id, attempt)
    job.must_run(attempt)
    return job


def _confirm(desk: Desk, job_id: UUID, attempt: int, named: list[Named], *known: str | None) -> None:
    """Nothing is referenced that is not in the object store; of `known` the worker told the size before."""
    job = _job(desk.house, desk.caller, job_id, attempt)
    desk.house.blobs.confirm(job.organization_id, named, [sha256 for sha256 in known if sha256])


def _work(house: House, job: TrainingJob, attempt: int) -> ClaimedTraining:
    organization, weights = job.organization_id, job.recipe.weights.sha256
    return ClaimedTraining(
        id=job.id,
        attempt=attempt,
        organization_id=organization,
        recipe=job.recipe,
        classes=house.contents.root(organization, job.snapshot.root).classes,
        task=job.recipe.task,
        resume=tuple(Resume(**dict(each), url=house.blobs.url(organization, each.sha256)) for each in job.checkpoints),
        weights=Download(sha256=weights, url=house.blobs.url(organization, weights)) if weights else None,
    )
