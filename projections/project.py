"""The projects of an organization, as their list and their page show them, and who is in each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Table, Text, Uuid, select

from domain.model import Recorded
from domain.project import Project
from domain.roles import ProjectRole
from domain.values import Value
from projections.folding import changed, thrown
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, first, lies, newest
from projections.shared import PlaceRow, list_places, members_of, offers_of, views_of
from projections.topics import PROJECT

projects: Final = Table(
    "projects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("archived_at", DateTime(timezone=True)),
    Column("purge_at", DateTime(timezone=True)),
    Column("purged_at", DateTime(timezone=True)),
    Column("offered_to", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("projects_by_organization", "organization_id", "first_position"),
)

members: Final = members_of("project")
offers: Final = offers_of("project")


class ProjectRow(Value):
    """`offered_to` is the person who may accept to own it; one with `purge_at` is in the trash until then.

    Of one with `purged_at` nothing but its history is left.
    """

    id: UUID
    organization_id: UUID
    owner_id: UUID
    name: str
    description: str
    archived_at: datetime | None
    purge_at: datetime | None
    purged_at: datetime | None
    offered_to: UUID | None
    created_at: datetime
    updated_at: datetime
    first_position: int
    position: int


class ProjectMemberRow(PlaceRow):
    project_id: UUID
    role: ProjectRole


def _keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in PROJECT:
        yield (recorded.event.originator_id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Project.Created() as event:
            return {
                "organization_id": event.organization_id,
                "owner_id": event.owner_id,
                "name": event.name,
                "description": event.description,
                "archived_at": None,
                "purge_at": None,
                "purged_at": None,
                "offered_to": None,
                "created_at": recorded.envelope.decided_at,
                "updated_at": recorded.envelope.decided_at,
                "first_position": recorded.position,
            }
    return changed(row, updated_at=recorded.envelope.decided_at, **_changes(recorded))


def _changes(recorded: Recorded) -> dict[str, Any]:
    match recorded.event:
        case Project.Renamed(name=name):
            return {"name": name}
        case Project.Described(description=description):
            return {"description": description}
        case Project.Archived():
            return {"archived_at": recorded.envelope.decided_at}
        case Project.Restored():
            return {"archived_at": None}
        case Project.OwnershipOffered(person_id=person_id):
            return {"offered_to": person_id}
        case Project.OwnershipDeclined():
            return {"offered_to": None}
        case Project.OwnershipAccepted(person_id=person_id):
            return {"offered_to": None, "owner_id": person_id}
    return thrown(recorded)


PROJECTION: Final = Projection(
    "project",
    (View(projects, _keys, _fold, PROJECT), *views_of(members, offers, Project, PROJECT)),
)


def find_project(tx: Connection, organization_id: UUID, id: UUID) -> ProjectRow | None:
    query = select(projects).where(projects.c.id == id, projects.c.organization_id == organization_id)
    return first(tx, query, ProjectRow)


def list_projects(
    tx: Connection,
    organization_id: UUID,
    *,
    archived: bool | None = None,
    deleted: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> Page[ProjectRow]:
    """`archived` leaves only those that are archived, or only those that are not; `deleted` are those in the trash.

    Those that were purged are found by their id.
    """
    query = select(projects).where(projects.c.organization_id == organization_id, lies(projects, deleted))
    if archived is not None:
        there = projects.c.archived_at
        query = query.where(there.is_not(None) if archived else there.is_(None))
    return newest(tx, query, projects.c.first_position, ProjectRow, after, limit)


def list_project_members(tx: Connection, project_id: UUID) -> list[ProjectMemberRow]:
    return list_places(tx, members, project_id, ProjectMemberRow)
