"""What is in the trash, whose time there is over, what was purged, and what trainings name by hash."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, literal, or_, select

from projections import dataset, experiment, project, training_job
from projections.datasets import datasets
from projections.epoch import checkpoints
from projections.experiment import experiments
from projections.jobs import jobs
from projections.models import models
from projections.project import projects

READ: Final = tuple(each.PROJECTION.name for each in (dataset, experiment, project, training_job))
"""The read models that are asked here."""


class Thrown(NamedTuple):
    """`kind` is dataset or project."""

    kind: str
    id: UUID
    organization_id: UUID


def list_due(tx: Connection, now: datetime) -> list[Thrown]:
    """Whose time in the trash is over."""
    return _thrown(tx, lambda table: (table.c.purge_at <= now) & table.c.purged_at.is_(None))


def list_purged(tx: Connection) -> list[Thrown]:
    return _thrown(tx, lambda table: table.c.purged_at.is_not(None))


def _thrown(tx: Connection, where: Callable[[Table], ColumnElement[bool]]) -> list[Thrown]:
    tables = {"dataset": datasets, "project": projects}
    queries = [
        select(literal(kind), table.c.id, table.c.organization_id).where(where(table)) for kind, table in tables.items()
    ]
    return [Thrown(*row) for query in queries for row in tx.execute(query)]


def list_datasets_kept(tx: Connection, organization_id: UUID) -> list[UUID]:
    """Also those in the trash."""
    query = select(datasets.c.id).where(datasets.c.organization_id == organization_id, datasets.c.purged_at.is_(None))
    return list(tx.execute(query).scalars())


def list_mlflow_experiments(tx: Connection, project_id: UUID) -> list[str]:
    """Those of a project that MLflow has."""
    linked = experiments.c.mlflow_experiment_id
    query = select(linked).where(experiments.c.project_id == project_id, linked.is_not(None))
    return list(tx.execute(query).scalars())


def list_jobs_of(tx: Connection, project_id: UUID) -> list[UUID]:
    return list(tx.execute(select(jobs.c.id).where(jobs.c.project_id == project_id)).scalars())


def hashes_of_project(tx: Connection, project_id: UUID) -> set[str]:
    """Of models, reports, pictures and checkpoints that its trainings made."""
    return _hashes(tx, _made(), jobs.c.project_id == project_id)


def hashes_of_trainings(tx: Connection, organization_id: UUID) -> set[str]:
    """What trainings made or begin from, of projects that were not purged."""
    start = select(jobs.c.recipe["weights"]["sha256"].astext).select_from(_IN_PROJECTS)
    kept = or_(projects.c.purged_at.is_(None), projects.c.id.is_(None))
    return _hashes(tx, [*_made(), start], jobs.c.organization_id == organization_id, kept)


_IN_PROJECTS: Final = jobs.outerjoin(projects, projects.c.id == jobs.c.project_id)


def _made() -> list[Select[Any]]:
    of_models = _IN_PROJECTS.join(models, models.c.job_id == jobs.c.id)
    of_checkpoints = _IN_PROJECTS.join(checkpoints, checkpoints.c.job_id == jobs.c.id)
    return [
        *(select(models.c[name]).select_from(of_models) for name in ("sha256", "result", "picture")),
        *(select(jobs.c[name]).select_from(_IN_PROJECTS) for name in ("result", "picture")),
        select(checkpoints.c.sha256).select_from(of_checkpoints),
    ]


def _hashes(tx: Connection, queries: list[Select[Any]], *where: ColumnElement[bool]) -> set[str]:
    return {sha256 for query in queries for sha256 in tx.execute(query.where(*where)).scalars() if sha256}
