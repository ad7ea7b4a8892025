"""The organization that the token names: what it is called, who may join, its quotas and their use."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy import Connection

from api import errors
from api.edge import Body, Made, PersonDesk
from api.house import House, TheHouse
from api.reading import Member, reads
from commands.organization import ChangeOrganization, QuotaChange
from domain.errors import NotFound
from domain.organization import GIGABYTE, Admission, month_of
from domain.values import Flag, PlainName, Value
from projections import membership, training_job
from projections.attempt import gpu_hours
from projections.membership import OrganizationRow, find_organization
from projections.second_factor import is_required

router = APIRouter(prefix="/organization", tags=["organization"])
Reading = Annotated[Connection, reads(membership.PROJECTION, training_job.PROJECTION)]


class Change(Body, QuotaChange):
    """What is left out stays as it is."""

    name: PlainName | None = None
    admission: Admission | None = None
    second_factor_required: Flag | None = None


class Use(Value):
    """Of what is limited: a GB is 10⁹ bytes, a month one of UTC."""

    users: int
    storage_gb: float
    gpu_hours_this_month: float


class UsedOrganization(OrganizationRow):
    use: Use


class Organization(UsedOrganization):
    """`second_factor_required`: its members act only once they have one."""

    second_factor_required: bool


@router.get("", responses=errors.responses(401, 403, 404, 422, 503))
def show(member: Member, tx: Reading, house: TheHouse) -> Organization:
    found = find_organization(tx, member.organization_id)
    if found is None:
        raise NotFound("this organization is not there yet")
    required = is_required(tx, member.organization_id)
    return Organization(**dict(found), second_factor_required=required, use=used(tx, house, found, datetime.now(UTC)))


@router.patch("", responses=errors.responses(401, 403, 404, 409, 413, 422, 503))
def change(body: Change, desk: PersonDesk) -> Made:
    return Made(id=desk(ChangeOrganization(organization_id=desk.organization_id, **dict(body))).id)


def used(tx: Connection, house: House, row: OrganizationRow, now: datetime) -> Use:
    return Use(
        users=row.seats,
        storage_gb=house.rooms.of(row.id).stored / GIGABYTE,
        gpu_hours_this_month=gpu_hours(tx, row.id, month_of(now), now),
    )
