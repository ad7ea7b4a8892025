"""May I, and why not, and who could let me: told from the rules that decide it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from api import errors
from api.edge import Holder
from api.house import TheHouse
from api.reading import reads
from commands.access import Caller, role_of
from commands.granters import granters
from commands.permission import ACTIONS, Explained, explain
from commands.ports import Store
from domain.roles import Permission, reach
from domain.values import Line, Value
from projections import membership
from projections.granters import list_granters, list_persons

router = APIRouter(prefix="/permissions", tags=["permissions"])
Reading = Annotated[Connection, reads(membership.PROJECTION)]
MOST_GRANTERS = 20


class Granter(Value):
    """Somebody who could give what would be enough; `role` is what they are `within` the organization, the project or
    the dataset: there, its owner, or in which place.
    """

    avatar_name: str
    role: str
    within: str


class PermissionExplanation(Explained):
    """`granted_by` is told where it is not allowed yet: who could give a place in the thing to everybody, as its list
    of members names them; who could give a role to those who may see the members of their organization.
    """

    granted_by: tuple[Granter, ...]


@router.get(
    "/explain", summary="Explain whether you may perform an action", responses=errors.responses(401, 403, 404, 422, 503)
)
def explain_one(
    caller: Holder,
    house: TheHouse,
    tx: Reading,
    action: Annotated[Line, Query(description=f"One of: {', '.join(ACTIONS)}")],
    target: Annotated[UUID | None, Query(description="The thing that it is to be done to")] = None,
) -> PermissionExplanation:
    """Whether the one who asks may do this now, by which rule, and what and who would change that.

    It is answered before anything is said of what is wished: a command may still be refused for what is in it, and
    where its thing is archived, in the trash or over. Inviting is judged as of an address that is new there.
    """
    store, secrets = house.desk_of(caller)
    found = explain(action, target, caller, store, secrets)
    granted_by = () if found.allowed else _granters(tx, caller, found, target, store)
    return PermissionExplanation(**dict(found), granted_by=granted_by)


def _granters(
    tx: Connection, caller: Caller, found: Explained, target: UUID | None, store: Store
) -> tuple[Granter, ...]:
    """Those of the thing first. Nobody is named twice."""
    role, at = role_of(caller, store), caller.organization_id
    if role is None or at is None:
        return ()
    able = granters(found, target, store, MOST_GRANTERS)
    there = dict(able.people)
    named = list_persons(tx, at, list(there))
    within = found.within or ""
    placed = [Granter(avatar_name=each.avatar_name, role=there[each.person_id], within=within) for each in named]
    if reach(role, Permission.READ_MEMBERS) is None:
        return tuple(placed)
    listed = list_granters(tx, at, able.roles, MOST_GRANTERS)
    others = [each for each in listed if each.person_id not in there and store.is_verified(each.person_id)]
    given = [Granter(avatar_name=each.avatar_name, role=str(each.role), within="organization") for each in others]
    return tuple([*placed, *given][:MOST_GRANTERS])
