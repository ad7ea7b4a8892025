"""Who could let somebody do what they may not yet: by a role in the organization, or by a place in the thing."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from commands.permission import Explained, within_of
from commands.ports import Store
from commands.shared import must_be_able_to_give
from domain.dataset import Dataset
from domain.errors import Forbidden
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.project import Project
from domain.roles import Permission, Reach, Role, can_grant_role, reach, rights_of
from domain.shared import Shared

_NOBODY: Final = UUID(int=0)
SEATING: Final[Mapping[str, Permission]] = {
    Project.TOPIC: Permission.MANAGE_PROJECT_MEMBERS,
    Dataset.TOPIC: Permission.MANAGE_DATASET_MEMBERS,
}
"""What it takes to give places in a thing."""


class Granters(NamedTuple):
    """`roles` of the organization, and `people` of the thing with what each is there: its owner, or the place."""

    roles: tuple[Role, ...]
    people: tuple[tuple[UUID, str], ...]


def granters(found: Explained, target: UUID | None, store: Store, most: int) -> Granters:
    """`found` is why somebody may not do something to `target`; of the people, `most` at most are named."""
    roles = {giver for giver in Role if any(can_grant_role(giver, each) for each in found.roles)}
    within = within_of(found.action, target, store) if found.places else None
    people: Iterator[tuple[UUID, str]] = iter(())
    if within is not None:
        roles |= {role for role in Role if _sees(role, within) and _seats(role, within, found)}
        people = _people(found, within, store)
    return Granters(tuple(each for each in Role if each in roles), tuple(islice(people, most)))


def _sees(role: Role, thing: Shared[Any]) -> bool:
    """Without a place in it."""
    return role is Role.ADMIN or thing.shown_to(_NOBODY)


def _seats(role: Role, thing: Shared[Any], found: Explained) -> bool:
    rights = {permission for permission in Permission if reach(role, permission) is not None}
    return reach(role, SEATING[thing.TOPIC]) is Reach.ANY and any(rights_of(each) <= rights for each in found.places)


def _people(found: Explained, thing: Shared[Any], store: Store) -> Iterator[tuple[UUID, str]]:
    stands = {thing.owner_id: "owner"} | {id: place.value for id, place in thing.members.items()}
    for id, word in stands.items():
        if thing.lets(id, SEATING[thing.TOPIC]) and _gives_some(id, found, thing, store):
            yield id, word


def _gives_some(id: UUID, found: Explained, thing: Shared[Any], store: Store) -> bool:
    membership = store.find(Membership, membership_id(thing.organization_id, id))
    if membership is None or not membership.active or not store.is_verified(id):
        return False
    actor = Actor(kind="person", id=id, role=membership.role, organization_id=thing.organization_id)
    for place in found.places:
        try:
            must_be_able_to_give(actor, thing, place)
        except Forbidden:
            continue
        return True
    return False
