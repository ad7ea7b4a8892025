"""Whether a member may do something, why not, and what would let them: told from the rules that decide it."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from commands import HANDLERS
from commands.access import Caller, Command, May, demand
from commands.ports import Store
from domain.errors import Forbidden, Invalid
from domain.model import Aggregate
from domain.organization import Organization
from domain.roles import Permission, Place, Reach, Role, includes, reach
from domain.shared import Shared
from domain.values import Value


class Explained(Value):
    """`roles` and `places` would be enough, each by itself; `owner` says that owning the thing would be, too.

    The places are in the project or the dataset, as `within` says.
    """

    action: str
    permission: Permission
    allowed: bool
    why: str
    roles: tuple[Role, ...]
    within: str | None
    places: tuple[Place, ...]
    owner: bool


def name_of(command: type[Command]) -> str:
    """`RenameProject` is the action `rename_project`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", command.__name__).lower()


ACTIONS: Final[Mapping[str, May]] = {
    name_of(command): command.ACCESS
    for command in sorted(HANDLERS, key=lambda command: command.__name__)
    if isinstance(command.ACCESS, May)
}


def explain(action: str, target: UUID | None, caller: Caller, store: Store) -> Explained:
    """`target` is the thing that the action is on, where it is on one; of organizations one's own.

    Raises Invalid for an action that there is not and for a target that is missing or too much, Forbidden for who may
    not even read, NotFound.
    """
    if action not in ACTIONS:
        raise Invalid(
            f"there is no action {action[:50]!r}; docs/permissions.md and this operation's description name all"
        )
    demand(caller, store, Permission.READ, None)
    rule = ACTIONS[action]
    if rule.on is Organization and target is None:
        target = caller.organization_id
    if (target is None) is not (rule.on is None):
        wanted = f"is on some {rule.on.TOPIC.replace('_', ' ')}: name its id as target" if rule.on else "is on no thing"
        raise Invalid(f"{action} {wanted}")
    return _told(action, store.get(rule.on, target) if rule.on and target else None, caller, store)


def _told(action: str, thing: Aggregate | None, caller: Caller, store: Store) -> Explained:
    rule = ACTIONS[action]
    within = rule.shared(thing, store) if thing else None
    owner = getattr(thing, "owner_id", None) if thing else caller.id
    try:
        role, allowed = demand(caller, store, rule.permission, owner, within), True
        why = f"the role {role} includes {rule.permission}"
        if within and not _suffices(role, rule.permission, owner == caller.id):
            why = f"your place in the {within.TOPIC} includes {rule.permission}"
    except Forbidden as error:
        allowed, why = False, str(error)
    return Explained(
        action=action,
        permission=rule.permission,
        allowed=allowed,
        why=why,
        roles=tuple(role for role in Role if _suffices(role, rule.permission, owner == caller.id)),
        within=within.TOPIC if within else None,
        places=tuple(place for place in within.PLACES if includes(place, rule.permission)) if within else (),
        owner=thing is not None and _owning_helps(rule.permission, thing),
    )


def _suffices(role: Role, permission: Permission, own: bool) -> bool:
    far = reach(role, permission)
    return far is Reach.ANY or (far is Reach.OWN and own)


def _owning_helps(permission: Permission, thing: Aggregate) -> bool:
    by_place = isinstance(thing, Shared) and permission in thing.OF_ITS_OWNER
    return by_place or any(reach(role, permission) is Reach.OWN for role in Role)
