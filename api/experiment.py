"""Experiments over HTTP, and the runs in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, Made, PersonDesk
from commands.experiment import CreateExperiment
from domain.values import Name, Tag, Text

router = APIRouter(prefix="/experiments", tags=["experiments"])


class NewExperiment(Body):
    project_id: UUID
    name: Name
    description: Text = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


@router.post("", status_code=201, responses=errors.responses(401, 403, 404, 409, 413, 422, 503))
def create(body: NewExperiment, desk: PersonDesk) -> Made:
    accepted = desk(CreateExperiment(experiment_id=uuid7(), **dict(body)))
    return Made(id=accepted.id)
