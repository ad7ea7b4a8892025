"""Projects over HTTP."""

from uuid import UUID

from fastapi import APIRouter
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, Made, PersonDesk
from commands.project import CreateProject, RenameProject
from domain.values import Name, Text

router = APIRouter(prefix="/projects", tags=["projects"])


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
