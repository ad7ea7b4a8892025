"""The projects of an organization, as their list and their page show them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Table, Text, Uuid, select

from domain.model import Recorded
from domain.project import Project
from domain.values import Value
from projections.folding import changed
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, first, newest
from projections.topics import DATASET, EXPERIMENT, MEMBERSHIP, ORGANIZATION, PERSON, TRAINING_JOB

projects: Final = Table(
    "projects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("projects_by_organization", "organization_id", "first_position"),
)


class ProjectRow(Value):
    id: UUID
    organization_id: UUID
    owner_id: UUID
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    first_position: int
    position: int


def _keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case Project.Created(originator_id=id) | Project.Renamed(originator_id=id):
            yield (id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Project.Created() as event:
            return {
                "organization_id": event.organization_id,
                "owner_id": event.owner_id,
                "name": event.name,
                "description": event.description,
                "created_at": recorded.envelope.decided_at,
                "updated_at": recorded.envelope.decided_at,
                "first_position": recorded.position,
            }
        case Project.Renamed(name=name):
            return changed(row, name=name, updated_at=recorded.envelope.decided_at)
    return row


PROJECTION: Final = Projection(
    "project",
    (View(projects, _keys, _fold),),
    skips=PERSON | ORGANIZATION | MEMBERSHIP | DATASET | EXPERIMENT | TRAINING_JOB,
)


def find_project(tx: Connection, organization_id: UUID, id: UUID) -> ProjectRow | None:
    query = select(projects).where(projects.c.id == id, projects.c.organization_id == organization_id)
    return first(tx, query, ProjectRow)


def list_projects(
    tx: Connection, organization_id: UUID, *, after: int | None = None, limit: int = 50
) -> Page[ProjectRow]:
    query = select(projects).where(projects.c.organization_id == organization_id)
    return newest(tx, query, projects.c.first_position, ProjectRow, after, limit)
