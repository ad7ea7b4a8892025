"""What one may ask about being forgotten: to be erased after a while, to stay after all, and the erasure itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import Field

from commands.access import Access, Command, Platform
from commands.inside import WhileClosed
from commands.invitation import end_invitations
from commands.membership import end_membership, must_leave_an_admin
from commands.ports import Accepted, Secrets, Store
from commands.project import home
from commands.session import Leaving, end_sessions
from domain.closure import Closure, closure_id
from domain.errors import Refused
from domain.membership import MemberOwnsProjects, Membership, membership_id
from domain.model import Actor, Aggregate
from domain.organization import Organization, OrganizationNeedsAnAdmin
from domain.person import Person
from domain.session import Ending

OWN_DATA: Final = Leaving(while_closed=WhileClosed.ANYBODY)


class OrganizationEndsFirst(Refused):
    pass


class RequestErasure(Command):
    ACCESS: ClassVar[Access] = OWN_DATA
    days: Annotated[int, Field(ge=0, le=365)] = 7


class CancelErasure(Command):
    ACCESS: ClassVar[Access] = OWN_DATA


class ErasePerson(Command):
    """For good: memberships end, and whatever secrets there are of the person go in the same append."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


def request_erasure(command: RequestErasure, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """What would keep it from being done is said now; what ends before then is waited for.

    Raises OrganizationNeedsAnAdmin, MemberOwnsProjects.
    """
    person = store.get(Person, actor.id)
    ends = [_needed_until(membership, organization, store) for membership, organization in _memberships(person, store)]
    due = max([now + timedelta(days=command.days), *filter(None, ends)])
    person.request_erasure(home(actor), due, now)
    return store.save(person)


def cancel_erasure(command: CancelErasure, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, actor.id)
    person.cancel_erasure(home(actor), now)
    return store.save(person)


def erase_person(command: ErasePerson, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    """Raises OrganizationNeedsAnAdmin, MemberOwnsProjects, OrganizationEndsFirst."""
    person = store.get(Person, command.person_id)
    changed: list[Aggregate] = []
    for membership, organization in _memberships(person, store):
        if end := _needed_until(membership, organization, store):
            raise OrganizationEndsFirst(
                f"{organization.name} is closed and needs this person: nobody can take over there before it ends, at "
                f"{end.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC; erase the person then, or reopen it and name others"
            )
        changed += end_membership(membership, organization, now, store=store, secrets=secrets)
    ended = end_sessions(secrets.every_session_of(person.id), Ending.ERASED, now, store, secrets)
    changed += end_invitations(person.id, now, store=store, secrets=secrets)
    person.erase(now)
    secrets.forget(person.id)
    return store.save(person, *changed, *ended)


def _needed_until(membership: Membership, organization: Organization, store: Store) -> datetime | None:
    """When the organization ends, where it is closed and needs this person: it goes together with what they have there,
    and while it is closed nobody can take that over. None where nothing needs them.

    Raises OrganizationNeedsAnAdmin, MemberOwnsProjects.
    """
    try:
        membership.must_be_free()
        must_leave_an_admin(organization, membership.person_id, store)
    except (MemberOwnsProjects, OrganizationNeedsAnAdmin):
        closure = store.find(Closure, closure_id(organization.id))
        if closure is None or closure.purge_at is None:
            raise
        return closure.purge_at
    return None


def _memberships(person: Person, store: Store) -> Iterator[tuple[Membership, Organization]]:
    """Those that have not ended."""
    for organization_id in sorted(person.organizations):
        membership = store.find(Membership, membership_id(organization_id, person.id))
        if membership is not None and not membership.ended:
            yield membership, store.get(Organization, organization_id)
