"""The platform's organizations and their use over HTTP, for its operators; what is in them is none of theirs."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api import errors
from api.edge import Body, CommandReceipt, Person, PersonDesk
from api.house import House, TheHouse
from api.organization import OrganizationOverview, described
from api.reading import After, reads
from commands.access import must_be_operator
from commands.operator import ChangeQuotas
from commands.organization import QuotaChange
from projections import membership, training_job
from projections.organizations import list_organizations
from projections.paging import Page

router = APIRouter(prefix="/admin/organizations", tags=["administration"])
Reading = Annotated[Connection, reads(membership.PROJECTION, training_job.PROJECTION)]
Words = Annotated[str, Query(max_length=200, description="Part of a name, a company or a division")]
Few = Annotated[int, Query(ge=1, le=100)]


class NewQuotas(Body, QuotaChange):
    """What is left out stays as it is."""


def operator(caller: Person, house: TheHouse) -> House:
    must_be_operator(caller, house.ledger_as(caller))
    return house


@router.get("", summary="List all organizations of the platform", responses=errors.responses(401, 403, 422, 503))
def index(
    house: Annotated[House, Depends(operator)], tx: Reading, q: Words = "", after: After = None, limit: Few = 50
) -> Page[OrganizationOverview]:
    """For the platform's operators."""
    page, now = list_organizations(tx, words=q, after=after, limit=limit), datetime.now(UTC)
    return Page([OrganizationOverview.model_validate(described(tx, house, row, now)) for row in page.items], page.next)


@router.patch(
    "/{organization_id}",
    summary="Change the quotas of an organization",
    responses=errors.responses(401, 403, 404, 409, 413, 422, 503),
)
def change(organization_id: UUID, body: NewQuotas, desk: PersonDesk) -> CommandReceipt:
    """For the platform's operators."""
    return CommandReceipt(id=desk(ChangeQuotas(organization_id=organization_id, **dict(body))).id)
