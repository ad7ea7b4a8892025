"""The experiments of a project: how many runs they have, how many are done, and the best each metric ever was."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Float,
    Index,
    Select,
    Table,
    Text,
    Uuid,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.experiment import Experiment
from domain.model import Recorded
from domain.training import Status
from domain.values import Value
from projections.folding import changed, plain
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, newest
from projections.project import projects
from projections.run import RUNS, less_is_better, runs
from projections.shown import of_job
from projections.topics import EXPERIMENT

experiments: Final = Table(
    "experiments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("project_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", JSONB, nullable=False),
    Column("mlflow_experiment_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("experiments_by_organization", "organization_id", "first_position"),
    Index("experiments_by_project", "project_id", "first_position"),
)


class ExperimentRow(Value):
    """One with `purged_at` went with its project."""

    id: UUID
    organization_id: UUID
    project_id: UUID
    owner_id: UUID
    name: str
    description: str
    tags: tuple[str, ...]
    mlflow_experiment_id: str | None
    created_at: datetime
    purged_at: datetime | None
    first_position: int
    position: int
    num_runs: int = 0
    num_completed_runs: int = 0
    best_metrics: dict[str, float] = Field(default_factory=dict)


def _experiment_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case Experiment.Created(originator_id=id) | Experiment.MlflowLinked(originator_id=id):
            yield (id,)


def _experiment(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Experiment.Created() as event:
            return {
                "organization_id": event.organization_id,
                "project_id": event.project_id,
                "owner_id": event.owner_id,
                "name": event.name,
                "description": event.description,
                "tags": plain(event.tags),
                "mlflow_experiment_id": None,
                "created_at": recorded.envelope.decided_at,
                "first_position": recorded.position,
            }
        case Experiment.MlflowLinked(mlflow_experiment_id=mlflow_experiment_id):
            return changed(row, mlflow_experiment_id=mlflow_experiment_id)
    return row


PROJECTION: Final = Projection(
    "experiment",
    (View(experiments, _experiment_keys, _experiment, EXPERIMENT), RUNS),
)


def find_experiment(tx: Connection, organization_id: UUID, id: UUID, *, viewer: UUID | None) -> ExperimentRow | None:
    """With a viewer, what is not shown to it counts in no figure."""
    query = _of(organization_id).where(experiments.c.id == id)
    found = newest(tx, query, experiments.c.first_position, ExperimentRow, None, 1)
    return next(iter(_counted(tx, found.items, viewer)), None)


def has_experiment(tx: Connection, organization_id: UUID, id: UUID) -> bool:
    """Without the figures, for which every run is read."""
    return tx.execute(_of(organization_id).where(experiments.c.id == id)).first() is not None


def _of(organization_id: UUID) -> Select[Any]:
    of = experiments.outerjoin(projects, projects.c.id == experiments.c.project_id)
    query = select(experiments, projects.c.purged_at).select_from(of)
    return query.where(experiments.c.organization_id == organization_id)


def any_elsewhere(tx: Connection, organization_id: UUID) -> bool:
    """Whether another organization has any: the index is looked at by its two ends, whatever lies between."""
    whose = experiments.c.organization_id
    ends = (select(whose).order_by(order).limit(1).scalar_subquery() for order in (whose.asc(), whose.desc()))
    return any(found not in (None, organization_id) for found in tx.execute(select(*ends)).one())


def list_experiments(
    tx: Connection,
    organization_id: UUID,
    *,
    viewer: UUID | None,
    project_id: UUID | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[ExperimentRow]:
    """Without those that were purged."""
    query = _of(organization_id).where(projects.c.purged_at.is_(None))
    if project_id is not None:
        query = query.where(experiments.c.project_id == project_id)
    page = newest(tx, query, experiments.c.first_position, ExperimentRow, after, limit)
    return Page(_counted(tx, page.items, viewer), page.next)


def _counted(tx: Connection, rows: Sequence[ExperimentRow], viewer: UUID | None) -> list[ExperimentRow]:
    """An ending names its job and not the experiment, so the figures are taken from the runs when they are read."""
    ids = [row.id for row in rows]
    done = func.count().filter(runs.c.status == Status.COMPLETED.value)
    shown = runs.c.experiment_id.in_(ids), of_job(runs.c.job_id, viewer)
    counting = select(runs.c.experiment_id, func.count(), done).where(*shown)
    counts = {id: (many, completed) for id, many, completed in tx.execute(counting.group_by(runs.c.experiment_id))}
    best = _best(tx, *shown)
    return [_with_figures(row, *counts.get(row.id, (0, 0)), best[row.id]) for row in rows]


def _with_figures(row: ExperimentRow, many: int, completed: int, best: dict[str, float]) -> ExperimentRow:
    return row.model_copy(update={"num_runs": many, "num_completed_runs": completed, "best_metrics": best})


def _best(tx: Connection, *shown: ColumnElement[bool]) -> dict[UUID, dict[str, float]]:
    """The best of each metric; one that diverged is a word and no candidate."""
    columns = column("key", Text), column("value", JSONB)
    metric = func.jsonb_each(runs.c.metrics).table_valued(*columns, joins_implicitly=True)
    value = cast(metric.c.value, Float)
    query = (
        select(runs.c.experiment_id, metric.c.key, func.min(value), func.max(value))
        .where(*shown, func.jsonb_typeof(metric.c.value) == "number")
        .group_by(runs.c.experiment_id, metric.c.key)
    )
    best: dict[UUID, dict[str, float]] = defaultdict(dict)
    for id, name, least, most in tx.execute(query):
        best[id][name] = least if less_is_better(name) else most
    return best
