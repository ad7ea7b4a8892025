"""Whether a member may do something, why not, and what would let them: told from the rules that decide it."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from commands import HANDLERS
from commands.access import Caller, Command, May, demand, must_be_able_to_write
from commands.conditions import CONDITIONS, Wish
from commands.ports import Secrets, Store
from domain.errors import DomainError, Forbidden, Invalid
from domain.membership import Membership
from domain.model import Actor, Aggregate
from domain.organization import Organization
from domain.roles import Permission, Place, Reach, Role, includes, reach
from domain.service_account import ServiceAccount
from domain.shared import Shared
from domain.values import Value


class Explained(Value):
    """`roles` and `places` would be enough, each by itself; `owner` says that owning the thing would be, too.

    The places are in the project or the dataset, as `within` says. Where something else is in the way, which no role
    takes away (a quota that is used up, say), there are none.
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


_COMMANDS: Final[Mapping[str, type[Command]]] = {
    name_of(command): command
    for command in sorted(HANDLERS, key=lambda command: command.__name__)
    if isinstance(command.ACCESS, May)
}
ACTIONS: Final[Mapping[str, May]] = {
    action: command.ACCESS for action, command in _COMMANDS.items() if isinstance(command.ACCESS, May)
}


def asked_for(command: Command) -> tuple[str, UUID | None] | None:
    """The action that a command is, and its target, as `explain` takes them; of one's organization none is named."""
    rule = ACTIONS.get(action := name_of(type(command)))
    if rule is None:
        return None
    return action, getattr(command, rule.field) if rule.on not in (None, Organization) else None


def explain(action: str, target: UUID | None, caller: Caller, store: Store, secrets: Secrets) -> Explained:
    """`target` is the thing that the action is on, where it is on one; of organizations one's own.

    Told is what stands before anything is said of it: what is in the command may still be refused, and so may a thing
    that is archived, in the trash or over.

    Raises Invalid for an action that there is not and for a target that is missing or too much, Forbidden for who may
    not even read, NotFound.
    """
    if action not in ACTIONS:
        raise Invalid(
            f"there is no action {action[:50]!r}; docs/permissions.md and this operation's description name all"
        )
    role = demand(caller, store, Permission.READ, None)
    rule = ACTIONS[action]
    if rule.on is Organization and target is None:
        target = caller.organization_id
    if (target is None) is not (rule.on is None):
        wanted = f"is on some {rule.on.TOPIC.replace('_', ' ')}: name its id as target" if rule.on else "is on no thing"
        raise Invalid(f"{action} {wanted}")
    thing = store.get(rule.on, target) if rule.on and target else None
    return _told(action, Wish(caller.acting(role), thing, store, secrets), role, caller)


def within_of(action: str, target: UUID | None, store: Store) -> Shared[Any] | None:
    """That in which a place may be enough for the action."""
    rule = ACTIONS[action]
    return rule.shared(store.get(rule.on, target), store) if rule.on and target else None


def _told(action: str, wish: Wish, role: Role, caller: Caller) -> Explained:
    rule, thing = ACTIONS[action], wish.thing
    within = rule.shared(thing, wish.store) if thing else None
    owner = getattr(thing, "owner_id", None) if thing else caller.id
    enough = [each for each in Role if _suffices(each, rule.permission, owner == caller.id)]
    # What keeps a role from a member or an account tells of them what only those who have the right may read.
    told = enough if role in enough or not isinstance(thing, Membership | ServiceAccount) else []
    in_the_way = {each: _in_the_way(action, wish, caller.acting(each)) for each in {role, *told}}
    why = f"the role {role} includes {rule.permission}"
    if within and role not in enough:
        why = f"your place in the {within.TOPIC} includes {rule.permission}"
    try:
        demand(caller, wish.store, rule.permission, owner, within)
        no: DomainError | None = in_the_way[role]
    except Forbidden as error:
        no = error
    is_open = in_the_way[role] is None
    return Explained(
        action=action,
        permission=rule.permission,
        allowed=no is None,
        why=str(no or why),
        roles=tuple(each for each in enough if in_the_way.get(each) is None),
        within=within.TOPIC if within else None,
        places=_places(within, rule.permission) if within and is_open else (),
        owner=thing is not None and is_open and _owning_helps(rule.permission, thing),
    )


def _in_the_way(action: str, wish: Wish, actor: Actor) -> DomainError | None:
    """Beside the permission, of somebody in the role of this actor."""
    condition = CONDITIONS.get(_COMMANDS[action])
    try:
        if not ACTIONS[action].unverified:
            must_be_able_to_write(actor, wish.store)
        if condition is not None:
            condition(wish._replace(actor=actor))
    except DomainError as refused:
        return refused
    return None


def _suffices(role: Role, permission: Permission, own: bool) -> bool:
    far = reach(role, permission)
    return far is Reach.ANY or (far is Reach.OWN and own)


def _places(within: Shared[Any], permission: Permission) -> tuple[Place, ...]:
    return tuple(each for each in within.PLACES if includes(each, permission))


def _owning_helps(permission: Permission, thing: Aggregate) -> bool:
    by_place = isinstance(thing, Shared) and permission in thing.OF_ITS_OWNER
    return by_place or any(reach(role, permission) is Reach.OWN for role in Role)
