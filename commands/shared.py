"""What one may ask about who is in a thing that people share: the same for every kind of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from commands.access import Command
from commands.ports import Accepted, Store
from domain.errors import Forbidden, NotFound, Refused
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.person import AddressIsNotVerified
from domain.roles import Place, Role, reach, rights_of
from domain.service_account import ServiceAccount
from domain.shared import Shared
from domain.values import Count


class PersonIsNoMember(Refused):
    pass


class OfShared(Command):
    """A command about a thing that has members."""

    def thing(self, store: Store) -> Shared[Any]:
        raise NotImplementedError


class OfMember(OfShared):
    """`person_id` is whom it is about."""

    person_id: UUID


class OfMemberUpto(OfMember):
    """What the person was given later than in that version of the thing is not meant."""

    upto: Count


class OfPlace(OfMember):
    """`person_id` may be a service account's."""

    role: Place


def add_member(command: OfPlace, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    must_be_able_to_give(actor, thing, command.role)
    account = store.find(ServiceAccount, command.person_id)
    if account is None or not account.active:
        must_be_member(store, thing.organization_id, command.person_id)
        must_have_proven_address(store, command.person_id)
    thing.add_member(command.person_id, command.role, now)
    return store.save(thing)


def change_place(command: OfPlace, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    must_be_able_to_give(actor, thing, command.role)
    must_be_known(store, thing.organization_id, command.person_id)
    thing.change_role(command.person_id, command.role, now)
    return store.save(thing)


def remove_member(command: OfMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    must_be_known(store, thing.organization_id, command.person_id)
    thing.remove_member(command.person_id, now)
    return store.save(thing)


def leave(command: OfShared, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    thing.remove_member(actor.id, now)
    return store.save(thing)


def vacate(command: OfMemberUpto, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    thing.vacate(command.person_id, command.upto, now)
    return store.save(thing)


def offer(command: OfMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    must_be_member(store, thing.organization_id, command.person_id)
    must_have_proven_address(store, command.person_id)
    thing.offer_ownership(command.person_id, now)
    return store.save(thing)


def decline(command: OfShared, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    thing.must_be_offered_to(actor.id)
    thing.decline_ownership(now)
    return store.save(thing)


def withdraw(command: OfShared, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    thing.decline_ownership(now)
    return store.save(thing)


def must_be_able_to_give(actor: Actor, thing: Shared[Any], role: Place) -> None:
    """Nobody gives away what they do not have: else a guest's project would open the machines to guests."""
    own = Role(str(actor.role))
    for permission in sorted(rights_of(role)):
        if reach(own, permission) is None and not thing.lets(actor.id, permission):
            raise Forbidden(f"the role {own} does not include {permission}, so it can make nobody a {role}")


def must_be_known(store: Store, organization_id: UUID, id: UUID) -> None:
    """A person who is or was in the organization, or a service account of it. Raises NotFound."""
    if store.find(Membership, membership_id(organization_id, id)) is None and store.find(ServiceAccount, id) is None:
        raise NotFound(f"there is no person {id} in your organization")


def must_be_member(store: Store, organization_id: UUID, person_id: UUID) -> None:
    must_be_known(store, organization_id, person_id)
    membership = store.find(Membership, membership_id(organization_id, person_id))
    if membership is None or not membership.active:
        raise PersonIsNoMember("this person is no member of your organization; somebody has to let it in first")


def must_have_proven_address(store: Store, person_id: UUID) -> None:
    """Whoever is given something. Raises AddressIsNotVerified."""
    if not store.is_verified(person_id):
        raise AddressIsNotVerified(
            "this person has not verified the address yet: invite the address instead, as the link in that letter "
            "verifies it, too"
        )
