"""The runs of an experiment: what each was given and what came of it; the best found, some held side by side."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import inf, isfinite
from typing import Any, Final
from uuid import UUID

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
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from domain.model import Recorded
from domain.training import Status
from domain.training_job import TrainingJob
from domain.values import Value
from projections.folding import changed, plain
from projections.model import Key, Row, View, metadata
from projections.paging import LARGEST_PAGE, Page, every, newest
from projections.shown import of_job

runs: Final = Table(
    "experiment_runs",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("experiment_id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("framework", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("metrics", JSONB, nullable=False),
    Column("mlflow_run_id", Text),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("experiment_runs_by_experiment", "experiment_id", "first_position"),
)


class RunRow(Value):
    """`parameters` are those asked for, and once it has started those that it runs with."""

    job_id: UUID
    experiment_id: UUID
    organization_id: UUID
    owner_id: UUID
    framework: str
    model: str
    status: Status
    parameters: dict[str, bool | int | float | str]
    metrics: dict[str, float | str]
    mlflow_run_id: str | None
    requested_at: datetime
    ended_at: datetime | None
    first_position: int
    position: int


class RunComparison(Value):
    """Runs in the order that they were asked for in; a list has an entry for each, None where it has no such thing.

    `same` are the parameters that all share, `best` says which run is the best by each metric.
    """

    runs: list[RunRow]
    same: dict[str, bool | int | float | str]
    parameters: dict[str, list[bool | int | float | str | None]]
    metrics: dict[str, list[float | str | None]]
    best: dict[str, UUID]


_STATUS: Final = {
    "training_job.claimed": Status.CLAIMED,
    "training_job.started": Status.RUNNING,
    "training_job.requeued": Status.QUEUED,
    "training_job.completed": Status.COMPLETED,
    "training_job.failed": Status.FAILED,
    "training_job.cancelled": Status.CANCELLED,
}

_OF_A_RUN: Final = frozenset({*_STATUS, "training_job.requested", "training_job.mlflow_linked"})


def _run_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in _OF_A_RUN:
        yield (recorded.event.originator_id,)


def _run(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    now = recorded.envelope.decided_at
    match recorded.event:
        case TrainingJob.Requested() as event:
            return {
                "experiment_id": event.experiment_id,
                "organization_id": event.organization_id,
                "owner_id": event.owner_id,
                "framework": event.recipe.framework,
                "model": event.recipe.model,
                "status": Status.QUEUED.value,
                "parameters": plain(event.recipe.parameters),
                "metrics": {},
                "mlflow_run_id": None,
                "requested_at": now,
                "ended_at": None,
                "first_position": recorded.position,
            }
        case TrainingJob.Started(parameters=parameters):
            used = {**changed(row)["parameters"], **plain(parameters)}
            return changed(row, status=Status.RUNNING.value, parameters=used)
        case TrainingJob.MlflowLinked(mlflow_run_id=mlflow_run_id):
            return changed(row, mlflow_run_id=mlflow_run_id)
        case TrainingJob.Completed(metrics=metrics):
            return changed(row, status=Status.COMPLETED.value, metrics=plain(metrics), ended_at=now)
        case TrainingJob.Failed() | TrainingJob.Cancelled():
            return changed(row, status=_STATUS[recorded.topic].value, ended_at=now)
    return changed(row, status=_STATUS[recorded.topic].value) if recorded.topic in _STATUS else row


RUNS: Final = View(runs, _run_keys, _run, _OF_A_RUN)

FIELD: Final = r"(metrics|parameters)\.([^\x00-\x1f<>=!]{1,500})"
SORT: Final = f"^-?{FIELD}$"
CONDITION: Final = f"^{FIELD}(<=|>=|!=|=|<|>)([^\\x00-\\x1f]{{1,500}})$"
_LESS_IS_BETTER: Final = re.compile(r"loss|error|\b(?:mae|mse|rmse)\b|perplexity|seconds|latency", re.IGNORECASE)
_OPERATORS: Final = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__", "=": "__eq__", "!=": "__ne__"}


class NoOrder(ValueError):
    """Words are equal or not; which is more, only numbers say; and a page goes on behind a run that is there."""


def less_is_better(metric: str) -> bool:
    return _LESS_IS_BETTER.search(metric) is not None


def list_runs(
    tx: Connection,
    organization_id: UUID,
    experiment_id: UUID,
    *,
    viewer: UUID | None,
    status: Status | None = None,
    where: Sequence[str] = (),
    sort: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[RunRow]:
    """The newest first, or by a metric or parameter (`metrics.mAP50`, with `-` before it the largest first).

    `where` are conditions (`parameters.lr0>=0.01`) that all must hold. Raises NoOrder.
    """
    everything = _of(organization_id, experiment_id, viewer)
    query = everything.where(*map(_holds, where))
    if status is not None:
        query = query.where(runs.c.status == status.value)
    if sort is None:
        return newest(tx, query, runs.c.first_position, RunRow, after, limit)
    return _sorted(tx, query, everything, sort, after, max(1, min(limit, LARGEST_PAGE)))


def find_runs(
    tx: Connection, organization_id: UUID, experiment_id: UUID, ids: Sequence[UUID], *, viewer: UUID | None
) -> list[RunRow]:
    """Those that are there, in this order."""
    found = every(tx, _of(organization_id, experiment_id, viewer).where(runs.c.job_id.in_(ids)), RunRow)
    return sorted(found, key=lambda row: ids.index(row.job_id))


def compared(rows: Sequence[RunRow]) -> RunComparison:
    parameters = {name: [row.parameters.get(name) for row in rows] for row in rows for name in row.parameters}
    same = {name: values[0] for name, values in parameters.items() if len({(type(v), v) for v in values}) == 1}
    metrics = {name: [row.metrics.get(name) for row in rows] for row in rows for name in row.metrics}
    return RunComparison(
        runs=list(rows),
        same={name: value for name, value in same.items() if value is not None},
        parameters={name: values for name, values in parameters.items() if name not in same},
        metrics=metrics,
        best={name: rows[at].job_id for name, values in metrics.items() if (at := _best(name, values)) is not None},
    )


def _best(metric: str, values: Sequence[float | str | None]) -> int | None:
    """Which of them; one that diverged is a word and no candidate."""
    numbers = [(value, -at) for at, value in enumerate(values) if isinstance(value, float)]
    if not numbers:
        return None
    return -(min(numbers, key=lambda pair: (pair[0], -pair[1])) if less_is_better(metric) else max(numbers))[1]


def _of(organization_id: UUID, experiment_id: UUID, viewer: UUID | None) -> Select[Any]:
    of = runs.c.experiment_id == experiment_id, runs.c.organization_id == organization_id
    return select(runs).where(*of, of_job(runs.c.job_id, viewer))


def _number(of: str, name: str) -> ColumnElement[float]:
    value = runs.c[of][name]
    return case((func.jsonb_typeof(value) == "number", cast(value, Float)))


def _holds(condition: str) -> ColumnElement[bool]:
    found = re.fullmatch(CONDITION, condition)
    if found is None:
        raise NoOrder(f"{condition!r} is no condition")
    of, name, operator, text = found.groups()
    if (number := _finite(text)) is not None:
        return getattr(_number(of, name), _OPERATORS[operator])(number)  # type: ignore[no-any-return]
    if operator not in ("=", "!="):
        raise NoOrder(f"{text!r} is no number; of words one can only ask whether they are equal (=) or not (!=)")
    return getattr(runs.c[of][name].astext, _OPERATORS[operator])(text)  # type: ignore[no-any-return]


def _finite(text: str) -> float | None:
    try:
        return number if isfinite(number := float(text)) else None
    except ValueError:
        return None


def _sorted(
    tx: Connection, query: Select[Any], everything: Select[Any], sort: str, after: int | None, limit: int
) -> Page[RunRow]:
    """Runs without such a number come last. `after` names the last run of the page before by its position.

    That run may meet the conditions no longer, but where it stands is known. Raises NoOrder where there is none.
    """
    down, (of, name) = sort.startswith("-"), sort.removeprefix("-").split(".", 1)
    value, place = func.coalesce(_number(of, name), -inf if down else inf), runs.c.first_position
    if after is not None:
        last = tx.execute(everything.with_only_columns(value).where(place == after)).scalar()
        if last is None:
            raise NoOrder(f"no run of this experiment has the position {after}; begin at the first page")
        here, there = tuple_(value, place), tuple_(literal(last, Float), literal(after, BigInteger))
        query = query.where(here < there if down else here > there)
    order = (value.desc(), place.desc()) if down else (value, place)
    # By keys alone: whole rows are read only of those shown.
    shown = query.with_only_columns(runs.c.job_id).order_by(*order).limit(limit + 1)
    found = every(tx, select(runs).where(runs.c.job_id.in_(shown)).order_by(*order), RunRow)
    return Page(found[:limit], found[limit - 1].first_position if len(found) > limit else None)
