"""Trained models over HTTP: list, show with an address to download from, lineage."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection

from api import errors
from api.house import TheHouse
from api.reading import After, Limit, Member, reads
from domain.errors import NotFound
from domain.roles import Permission, reach
from projections import dataset, experiment, membership, project, service_account, training_job
from projections.lineage import Lineage, find_lineage
from projections.models import ModelRow, find_model, list_models
from projections.paging import Page

router = APIRouter(prefix="/models", tags=["models"])
LINEAGE = tuple(m.PROJECTION for m in (dataset, experiment, membership, project, service_account, training_job))
Reading = Annotated[Connection, reads(*LINEAGE)]


class ModelDetail(ModelRow):
    """The addresses are good for minutes; of a model that was purged there are none."""

    url: str | None
    result_url: str | None
    picture_url: str | None


@router.get("", summary="List trained models", responses=errors.responses(401, 403, 422, 503))
def index(member: Member, tx: Reading, after: After = None, limit: Limit = 50) -> Page[ModelRow]:
    return list_models(tx, member.organization_id, viewer=member.viewer, after=after, limit=limit)


@router.get("/{model_id}", summary="Get a trained model", responses=errors.responses(401, 403, 404, 422, 503))
def show(model_id: UUID, member: Member, tx: Reading, house: TheHouse) -> ModelDetail:
    row = find_model(tx, member.organization_id, model_id, viewer=member.viewer)
    if row is None:
        raise NotFound(f"there is no model {model_id}")
    urls = [
        house.blobs.url(row.organization_id, sha256) if sha256 and row.purged_at is None else None
        for sha256 in (row.sha256, row.result, row.picture)
    ]
    return ModelDetail(**dict(row), url=urls[0], result_url=urls[1], picture_url=urls[2])


@router.get(
    "/{model_id}/lineage", summary="Get the lineage of a model", responses=errors.responses(401, 403, 404, 422, 503)
)
def lineage(model_id: UUID, member: Member, tx: Reading) -> Lineage:
    named = reach(member.role, Permission.READ_MEMBERS) is not None
    if found := find_lineage(tx, member.organization_id, model_id, viewer=member.viewer, named=named):
        return found
    raise NotFound(f"there is no model {model_id}")
