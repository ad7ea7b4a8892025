"""The organization that the token names: what it is called, who may join, its quotas and their use."""

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import Connection

from api import errors
from api.code import Shown, tried
from api.edge import Body, CommandReceipt, Empty, OwnDesk, PersonDesk
from api.house import House, TheHouse
from api.person import Password, must_know_password
from api.reading import Known, may, reads
from commands.closure import CloseOrganization, ReopenOrganization
from commands.inside import WhileClosed
from commands.organization import ChangeOrganization, QuotaChange
from domain.closure import Closure, closure_id
from domain.errors import NotFound
from domain.organization import GIGABYTE, Admission, month_of
from domain.roles import Permission
from domain.values import Flag, Name, PlainName, Value
from projections import membership, training_job
from projections.attempt import gpu_hours
from projections.closure import Closed, closed
from projections.membership import OrganizationRow, find_organization
from projections.second_factor import is_required

router = APIRouter(prefix="/organization", tags=["organization"])
Reading = Annotated[Connection, reads(membership.PROJECTION, training_job.PROJECTION)]
Seen = Annotated[Known, Depends(may(Permission.READ, while_closed=WhileClosed.ADMIN))]
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)


class OrganizationChange(Body, QuotaChange):
    """What is left out stays as it is."""

    name: PlainName | None = None
    admission: Admission | None = None
    second_factor_required: Flag | None = None


class QuotaUse(Value):
    """Of what is limited: a GB is 10⁹ bytes, a month one of UTC."""

    users: int
    storage_gb: float
    gpu_hours_this_month: float


class OrganizationOverview(OrganizationRow, Closed):
    """One with `closed_at` is closed: its admins can reopen it until `purge_at`, and from then on it ends."""

    use: QuotaUse


class Organization(OrganizationOverview):
    """`second_factor_required`: its members act only once they have one."""

    second_factor_required: bool


@router.get("", summary="Get your organization", responses=errors.responses(401, 403, 404, 422, 503))
def show(member: Seen, tx: Reading, house: TheHouse) -> Organization:
    found = find_organization(tx, member.organization_id)
    if found is None:
        raise NotFound("this organization is not there yet")
    required = is_required(tx, member.organization_id)
    told = described(tx, house, found, datetime.now(UTC))
    return Organization.model_validate({**told, "second_factor_required": required})


@router.patch("", summary="Change the settings of your organization", responses=COMMAND)
def change(body: OrganizationChange, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(ChangeOrganization(organization_id=desk.organization_id, **dict(body))).id)


class ClosingConfirmation(Body):
    """The organization's name exactly, and who one is; `code` where a second factor is on."""

    name: Name
    password: Annotated[Password, Field(max_length=1_000)]
    code: Shown | None = None


class OrganizationClosing(Value):
    """Null once it is open; until then it can be reopened, and from then on it ends."""

    id: UUID
    purge_at: datetime | None


@router.post("/close", summary="Close your organization", responses=COMMAND)
def close(body: ClosingConfirmation, desk: OwnDesk, house: TheHouse) -> OrganizationClosing:
    """For everybody at once: no token that names it is good for anything, trainings and invitations end.

    For 30 days its admins can sign in and reopen it; then what it holds goes for good. Its history stays.
    """
    must_know_password(desk, body.password)
    with tried(desk, desk.caller.id, body.code) if body.code else nullcontext():
        desk(CloseOrganization(organization_id=desk.organization_id, name=body.name, code=body.code))
    return _closing(house, desk)


@router.post("/reopen", summary="Reopen your organization", responses=COMMAND)
def reopen(desk: OwnDesk, house: TheHouse, body: Empty | None = None) -> OrganizationClosing:
    """As it was. What was ended as it closed stays ended: trainings, invitations, offers."""
    desk(ReopenOrganization(organization_id=desk.organization_id))
    return _closing(house, desk)


def _closing(house: House, desk: OwnDesk) -> OrganizationClosing:
    closure = house.ledger_as(desk.caller).find(Closure, closure_id(desk.organization_id))
    return OrganizationClosing(id=desk.organization_id, purge_at=closure.purge_at if closure else None)


def described(tx: Connection, house: House, row: OrganizationRow, now: datetime) -> dict[str, object]:
    return {**dict(row), **dict(closed(tx, row.id)), "use": used(tx, house, row, now)}


def used(tx: Connection, house: House, row: OrganizationRow, now: datetime) -> QuotaUse:
    return QuotaUse(
        users=row.seats,
        storage_gb=house.rooms.of(row.id).stored / GIGABYTE,
        gpu_hours_this_month=gpu_hours(tx, row.id, month_of(now), now),
    )
