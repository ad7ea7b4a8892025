"""What one may ask about being forgotten: to be erased after a while, to stay after all, and the erasure itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from commands.access import Access, Command, Oneself, Platform
from commands.inside import WhileClosed
from commands.invitation import end_invitations
from commands.membership import end_membership
from commands.ports import Accepted, Secrets, Store
from commands.project import home
from commands.session import end_sessions
from domain.membership import Membership, membership_id
from domain.model import Actor, Aggregate
from domain.organization import Organization
from domain.person import Person
from domain.session import Ending


class RequestErasure(Command):
    ACCESS: ClassVar[Access] = Oneself(while_closed=WhileClosed.ANYBODY)
    days: Annotated[int, Field(ge=0, le=365)] = 7


class CancelErasure(Command):
    ACCESS: ClassVar[Access] = Oneself(while_closed=WhileClosed.ANYBODY)


class ErasePerson(Command):
    """For good: memberships end, and whatever secrets there are of the person go in the same append."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


def request_erasure(command: RequestErasure, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """What would keep it from being done is said now. Raises OrganizationNeedsAnAdmin, MemberOwnsProjects."""
    person = store.get(Person, actor.id)
    for membership, organization in _memberships(person, store):
        membership.must_be_free()
        organization.must_have_another_admin(person.id)
    person.request_erasure(home(actor), now + timedelta(days=command.days), now)
    return store.save(person)


def cancel_erasure(command: CancelErasure, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, actor.id)
    person.cancel_erasure(home(actor), now)
    return store.save(person)


def erase_person(command: ErasePerson, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    """Raises OrganizationNeedsAnAdmin, MemberOwnsProjects."""
    person = store.get(Person, command.person_id)
    changed: list[Aggregate] = []
    for membership, organization in _memberships(person, store):
        changed += end_membership(membership, organization, now, store=store, secrets=secrets)
    ended = end_sessions(secrets.every_session_of(person.id), Ending.ERASED, now, store, secrets)
    changed += end_invitations(person.id, now, store=store, secrets=secrets)
    person.erase(now)
    secrets.forget(person.id)
    return store.save(person, *changed, *ended)


def _memberships(person: Person, store: Store) -> Iterator[tuple[Membership, Organization]]:
    """Those that have not ended."""
    for organization_id in sorted(person.organizations):
        membership = store.find(Membership, membership_id(organization_id, person.id))
        if membership is not None and not membership.ended:
            yield membership, store.get(Organization, organization_id)
