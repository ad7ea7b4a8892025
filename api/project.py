"""Projects over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, Made, PersonDesk
from api.reading import After, Limit, Member, reads
from commands.project import CreateProject, RenameProject
from domain.errors import NotFound
from domain.values import Name, Text
from projections import project
from projections.paging import Page
from projections.project import ProjectRow, find_project, list_projects

router = APIRouter(prefix="/projects", tags=["projects"])
Reading = Annotated[Connection, reads(project.PROJECTION)]


class NewProject(Body):
    name: Name
    description: Text = ""


class NewName(Body):
    name: Name


@router.post("", status_code=201, responses=errors.responses(401, 403, 409, 413, 422, 503))
def create(body: NewProject, desk: PersonDesk) -> Made:
    accepted = desk(CreateProject(project_id=uuid7(), **dict(body)))
    return Made(id=accepted.id)


@router.patch("/{project_id}", responses=errors.responses(401, 403, 404, 409, 413, 422, 503))
def rename(project_id: UUID, body: NewName, desk: PersonDesk) -> Made:
    accepted = desk(RenameProject(project_id=project_id, name=body.name))
    return Made(id=accepted.id)


@router.get("", responses=errors.responses(401, 403, 422, 503))
def index(member: Member, tx: Reading, after: After = None, limit: Limit = 50) -> Page[ProjectRow]:
    return list_projects(tx, member.organization_id, after=after, limit=limit)


@router.get("/{project_id}", responses=errors.responses(401, 403, 404, 422, 503))
def show(project_id: UUID, member: Member, tx: Reading) -> ProjectRow:
    if row := find_project(tx, member.organization_id, project_id):
        return row
    raise NotFound(f"there is no project {project_id}")
