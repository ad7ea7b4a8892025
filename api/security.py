"""The security log over HTTP: an organization's for its admins, how much of what there was for operators."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api import errors
from api.house import House
from api.operator import operator
from api.reading import After, Known, Limit, may, reads
from domain.roles import Permission
from infra.security import SecurityCount, SecurityEntry, counts, list_entries
from projections import membership
from projections.paging import Page

router = APIRouter(prefix="/admin/security", tags=["administration"])
Reading = Annotated[Connection, reads(membership.PROJECTION)]
Admin = Annotated[Known, Depends(may(Permission.READ_SECURITY))]
Days = Annotated[int, Query(ge=1, le=90)]


@router.get("", summary="List security events of your organization", responses=errors.responses(401, 403, 422, 503))
def index(admin: Admin, tx: Reading, after: After = None, limit: Limit = 50) -> Page[SecurityEntry]:
    """What is about the organization and the accounts of its members, the newest first."""
    return list_entries(tx, admin.organization_id, after=after, limit=limit)


@router.get(
    "/counts", summary="Count security events across the platform", responses=errors.responses(401, 403, 422, 503)
)
def total(house: Annotated[House, Depends(operator)], tx: Reading, days: Days = 7) -> list[SecurityCount]:
    """Of each kind on each day, over the whole platform; for its operators."""
    return counts(tx, datetime.now(UTC) - timedelta(days=days))
