"""What a training job reported epoch by epoch: its metrics and its checkpoints."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Double,
    Select,
    Table,
    Text,
    Uuid,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from domain.model import Recorded
from domain.training_job import TrainingJob
from domain.values import Value
from projections.attempt import attempts
from projections.folding import plain
from projections.model import Key, Row, View, metadata
from projections.paging import every

epochs: Final = Table(
    "training_epochs",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("attempt", BigInteger, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("epochs", BigInteger, nullable=False),
    Column("metrics", JSONB, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
)

checkpoints: Final = Table(
    "training_checkpoints",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("attempt", BigInteger, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("saved_at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
)


class EpochRow(Value):
    job_id: UUID
    epoch: int
    attempt: int
    organization_id: UUID
    epochs: int
    metrics: dict[str, float | str]
    seconds: float
    ended_at: datetime
    position: int


class CheckpointRow(Value):
    job_id: UUID
    epoch: int
    attempt: int
    organization_id: UUID
    sha256: str
    size: int
    saved_at: datetime
    position: int


def _epoch_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case TrainingJob.EpochCompleted(originator_id=id, epoch=epoch, attempt=attempt):
            yield (id, epoch, attempt)


def _epoch(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case TrainingJob.EpochCompleted() as event:
            return {
                "organization_id": recorded.envelope.organization,
                "epochs": event.epochs,
                "metrics": plain(event.metrics),
                "seconds": event.seconds,
                "ended_at": recorded.envelope.decided_at,
            }
    return row


def _checkpoint_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case TrainingJob.CheckpointSaved(originator_id=id, checkpoint=checkpoint, attempt=attempt):
            yield (id, checkpoint.epoch, attempt)


def _checkpoint(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case TrainingJob.CheckpointSaved(checkpoint=checkpoint):
            return {
                "organization_id": recorded.envelope.organization,
                "sha256": checkpoint.sha256,
                "size": checkpoint.size,
                "saved_at": recorded.envelope.decided_at,
            }
    return row


EPOCHS: Final = (
    View(epochs, _epoch_keys, _epoch, frozenset({"training_job.epoch_completed"})),
    View(checkpoints, _checkpoint_keys, _checkpoint, frozenset({"training_job.checkpoint_saved"})),
)


def list_epochs(
    tx: Connection, organization_id: UUID, job_id: UUID, *, after: int = 0, limit: int = 1_000
) -> list[EpochRow]:
    """In order, from the epoch that follows `after`; what a later attempt began before is void."""
    void = exists().where(
        attempts.c.job_id == epochs.c.job_id,
        attempts.c.attempt > epochs.c.attempt,
        attempts.c.started_at.is_not(None),
        func.coalesce(attempts.c.resumed_from["epoch"].as_integer(), 0) < epochs.c.epoch,
    )
    return every(tx, _last_of_each(epochs, organization_id, job_id, after, limit).where(~void), EpochRow)


def list_checkpoints(
    tx: Connection, organization_id: UUID, job_id: UUID, *, after: int = 0, limit: int = 1_000
) -> list[CheckpointRow]:
    return every(tx, _last_of_each(checkpoints, organization_id, job_id, after, limit), CheckpointRow)


def _last_of_each(
    table: Table, organization_id: UUID, job_id: UUID, after: int, limit: int
) -> Select[tuple[object, ...]]:
    of = table.c.job_id == job_id, table.c.organization_id == organization_id, table.c.epoch > after
    query = select(table).where(*of).order_by(table.c.epoch, table.c.attempt.desc())
    return query.ext(distinct_on(table.c.epoch)).limit(max(1, min(limit, 10_000)))
