"""Trained models, and where each comes from: who, when, which images, which recipe, which attempts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Select, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB

from domain.model import Recorded
from domain.training_job import TrainingJob
from domain.values import Value
from projections.called import NAMES, PURGED, with_names
from projections.folding import plain
from projections.jobs import jobs
from projections.model import Key, Row, View, metadata
from projections.paging import Page, first, newest
from projections.shown import of_job

# By job and not by its own id: a worker chooses that, and must not be able to write over another's model.
models: Final = Table(
    "models",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("best_epoch", BigInteger, nullable=False),
    Column("metrics", JSONB, nullable=False),
    Column("result", Text, nullable=False),
    Column("picture", Text),
    Column("trained_at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("models_by_id", "id"),
    Index("models_by_organization", "organization_id", "position"),
)


class ModelRow(Value):
    """`sha256`, `result` and `picture` name objects: the model's file, its report, and one predicted image.

    With `purged_at`, none of them is there any more: they went with the project.
    What it was trained as, on and in: `architecture` of `framework`, `dataset` and `project` by their names of today.
    """

    job_id: UUID
    id: UUID
    organization_id: UUID
    framework: str
    architecture: str
    project_id: UUID
    project: str | None
    dataset_id: UUID
    dataset: str | None
    attempt: int
    sha256: str
    size: int
    best_epoch: int
    metrics: dict[str, float | str]
    result: str
    picture: str | None
    trained_at: datetime
    purged_at: datetime | None
    position: int


def _keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case TrainingJob.Completed(originator_id=id):
            yield (id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case TrainingJob.Completed() as event:
            return {
                **event.model.model_dump(),
                "organization_id": recorded.envelope.organization,
                "attempt": event.attempt,
                "best_epoch": event.best_epoch,
                "metrics": plain(event.metrics),
                "result": event.result,
                "picture": event.picture,
                "trained_at": recorded.envelope.decided_at,
            }
    return row


_job: Final = jobs.alias("trained")
MODELS: Final = View(models, _keys, _fold, frozenset({"training_job.completed"}))


def find_model(tx: Connection, organization_id: UUID, id: UUID, *, viewer: UUID | None) -> ModelRow | None:
    query = _shown(organization_id, viewer).where(models.c.id == id)
    return first(tx, query.order_by(models.c.position).limit(1), ModelRow)


def job_of_model(tx: Connection, id: UUID) -> UUID | None:
    """Of whatever organization."""
    return tx.execute(select(models.c.job_id).where(models.c.id == id).limit(1)).scalar()


def _shown(organization_id: UUID, viewer: UUID | None) -> Select[Any]:
    recipe, of = _job.c.recipe, models.join(_job, _job.c.id == models.c.job_id)
    trained = (recipe["framework"].astext.label("framework"), recipe["model"].astext.label("architecture"))
    query = select(models, *trained, _job.c.project_id, _job.c.dataset_id, *NAMES).select_from(with_names(of, _job))
    return query.where(models.c.organization_id == organization_id, of_job(models.c.job_id, viewer))


def is_hidden(tx: Connection, organization_id: UUID, sha256: str, *, viewer: UUID | None) -> bool:
    """Whether these are the bytes of models, and the viewer may know of none of them."""
    query = select(of_job(models.c.job_id, viewer)).where(
        models.c.sha256 == sha256, models.c.organization_id == organization_id
    )
    shown = tx.execute(query).scalars().all()
    return bool(shown) and not any(shown)


def list_models(
    tx: Connection, organization_id: UUID, *, viewer: UUID | None, after: int | None = None, limit: int = 50
) -> Page[ModelRow]:
    """Without those that were purged."""
    query = _shown(organization_id, viewer).where(PURGED.is_(None))
    return newest(tx, query, models.c.position, ModelRow, after, limit)
