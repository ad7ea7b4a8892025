"""May I, and why not, and who could let me: told from the rules that decide it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from api import errors
from api.edge import Holder
from api.house import House, TheHouse
from api.reading import reads
from commands.access import Caller, role_of
from commands.permission import ACTIONS, Explained, explain
from domain.roles import Permission, Role, can_grant_role, reach
from domain.values import Line, Value
from projections import membership
from projections.membership import list_granters

router = APIRouter(prefix="/permissions", tags=["permissions"])
Reading = Annotated[Connection, reads(membership.PROJECTION)]
MOST_GRANTERS = 20


class Granter(Value):
    """Somebody whose role lets them give a role that would be enough."""

    avatar_name: str
    role: str


class PermissionExplanation(Explained):
    """`granted_by` is told to those who may see the members of their organization, and where it is not allowed yet."""

    granted_by: tuple[Granter, ...]


@router.get("/explain", responses=errors.responses(401, 403, 404, 422, 503))
def explain_one(
    caller: Holder,
    house: TheHouse,
    tx: Reading,
    action: Annotated[Line, Query(description=f"One of: {', '.join(ACTIONS)}")],
    target: Annotated[UUID | None, Query(description="The thing that it is to be done to")] = None,
) -> PermissionExplanation:
    """Whether the one who asks may do this now, by which rule, and what and who would change that."""
    found = explain(action, target, caller, house.ledger_as(caller))
    granters = () if found.allowed else _granters(tx, house, caller, found)
    return PermissionExplanation(**dict(found), granted_by=granters)


def _granters(tx: Connection, house: House, caller: Caller, found: Explained) -> tuple[Granter, ...]:
    role = role_of(caller, house.ledger_as(caller))
    if role is None or reach(role, Permission.READ_MEMBERS) is None or caller.organization_id is None:
        return ()
    able = [giver for giver in Role if any(can_grant_role(giver, each) for each in found.roles)]
    members = list_granters(tx, caller.organization_id, able, MOST_GRANTERS)
    return tuple(Granter(avatar_name=each.avatar_name, role=str(each.role)) for each in members)
