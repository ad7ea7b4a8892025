"""The attempts at a training job: which worker, where, in what environment, and how each ended."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Table, Text, Uuid, func, select
from sqlalchemy.dialects.postgresql import JSONB

from domain.model import Recorded
from domain.training import Checkpoint, Device, Evidence, Status
from domain.training_job import TrainingJob
from domain.values import Value
from projections.folding import changed, plain
from projections.model import Key, Row, View, metadata
from projections.paging import every
from projections.topics import TRAINING_JOB

attempts: Final = Table(
    "training_attempts",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("attempt", BigInteger, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("worker_id", Uuid),
    Column("worker", Text),
    Column("device", Text),
    Column("environment", JSONB(none_as_null=True)),
    Column("parameters", JSONB(none_as_null=True)),
    Column("resumed_from", JSONB(none_as_null=True)),
    Column("reason", Text),
    Column("evidence", JSONB(none_as_null=True)),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("claimed_at", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("position", BigInteger, nullable=False),
    Index("training_attempts_by_device", "organization_id", "device"),
)


class AttemptRow(Value):
    """`status` is the job's during the attempt, or `lost`."""

    job_id: UUID
    attempt: int
    organization_id: UUID
    status: str
    worker_id: UUID | None
    worker: str | None
    device: str | None
    environment: dict[str, str] | None
    parameters: dict[str, bool | int | float | str] | None
    resumed_from: Checkpoint | None
    reason: str | None
    evidence: Evidence | None
    queued_at: datetime
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    position: int


_OF_AN_ATTEMPT: Final = (
    TrainingJob.Claimed
    | TrainingJob.Started
    | TrainingJob.Lost
    | TrainingJob.Requeued
    | TrainingJob.Completed
    | TrainingJob.Failed
    | TrainingJob.Cancelled
)


def _attempt_keys(recorded: Recorded) -> Iterable[Key]:
    if isinstance(recorded.event, TrainingJob.Requested):
        yield (recorded.event.originator_id, 1)
    elif isinstance(recorded.event, _OF_AN_ATTEMPT):
        yield (recorded.event.originator_id, recorded.event.attempt)


def _queued(recorded: Recorded) -> Row:
    empty = ("worker_id", "worker", "device", "environment", "parameters", "resumed_from", "reason", "evidence")
    return {
        "organization_id": recorded.envelope.organization,
        "status": Status.QUEUED.value,
        **dict.fromkeys((*empty, "claimed_at", "started_at", "ended_at")),
        "queued_at": recorded.envelope.decided_at,
    }


def _attempt(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    now = recorded.envelope.decided_at
    match recorded.event:
        case TrainingJob.Requested() | TrainingJob.Requeued():
            return _queued(recorded)
        case TrainingJob.Claimed(worker_id=worker_id, worker=worker):
            return changed(row, status=Status.CLAIMED.value, worker_id=worker_id, worker=worker, claimed_at=now)
        case TrainingJob.Started() as event:
            fields = {name: plain(getattr(event, name)) for name in ("environment", "parameters", "resumed_from")}
            return changed(row, **fields, status=Status.RUNNING.value, device=event.device, started_at=now)
        case TrainingJob.Completed():
            return changed(row, status=Status.COMPLETED.value, ended_at=now)
        case TrainingJob.Cancelled(reason=reason):
            return changed(row, status=Status.CANCELLED.value, reason=reason.value, ended_at=now)
        case TrainingJob.Lost(evidence=evidence) | TrainingJob.Failed(evidence=evidence):
            status = changed(row)["status"]
            given_up = status == "lost" or isinstance(recorded.event, TrainingJob.Lost)
            return changed(
                row,
                status="lost" if given_up else Status.FAILED.value,
                reason=evidence.reason.value,
                evidence=plain(evidence),
                ended_at=now,
            )
    return row


ATTEMPTS: Final = View(attempts, _attempt_keys, _attempt, TRAINING_JOB)


def gpu_hours(tx: Connection, organization_id: UUID, since: datetime, until: datetime) -> float:
    """That the organization's trainings were on a GPU between two moments."""
    seen = attempts.c.organization_id == organization_id, attempts.c.device == Device.CUDA.value
    begun, ended = attempts.c.started_at, func.coalesce(attempts.c.ended_at, until)
    seconds = func.extract("epoch", func.least(ended, until) - func.greatest(begun, since))
    within = begun < until, ended > since
    return float(tx.execute(select(func.coalesce(func.sum(seconds), 0)).where(*seen, *within)).scalar_one()) / 3600


def list_attempts(tx: Connection, organization_id: UUID, job_id: UUID) -> list[AttemptRow]:
    of = attempts.c.job_id == job_id, attempts.c.organization_id == organization_id
    return every(tx, select(attempts).where(*of).order_by(attempts.c.attempt), AttemptRow)
