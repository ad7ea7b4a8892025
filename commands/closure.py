"""What one may ask about the end of an organization: to close it, and to reopen it before its time is over."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May, Platform
from commands.code import Code, must_show_second_factor
from commands.inside import WhileClosed
from commands.ports import Accepted, Secrets, Store
from domain.closure import Closure, closure_id
from domain.model import Actor
from domain.organization import Organization
from domain.roles import Permission
from domain.trash import IN_THE_TRASH, NameIsAnother
from domain.values import Name

_BY_AN_ADMIN: Access = May(
    Permission.CLOSE_ORGANIZATION, Organization, "organization_id", while_closed=WhileClosed.ADMIN
)


class CloseOrganization(Command):
    """For everybody in it at once, and for good 30 days later. `code` is needed where a second factor is on."""

    ACCESS: ClassVar[Access] = _BY_AN_ADMIN
    organization_id: UUID
    name: Name
    code: Code | None = None


class ReopenOrganization(Command):
    """As it was; trainings and invitations that were ended stay ended."""

    ACCESS: ClassVar[Access] = _BY_AN_ADMIN
    organization_id: UUID


class CloseOrganizationOf(Command):
    """By whoever keeps the machine."""

    ACCESS: ClassVar[Access] = Platform()
    organization_id: UUID


class ReopenOrganizationOf(Command):
    """By whoever keeps the machine: none of its admins may be left who can sign in."""

    ACCESS: ClassVar[Access] = Platform()
    organization_id: UUID


def close_organization(
    command: CloseOrganization, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Raises NameIsAnother, CodeIsNeeded, WrongCode, OrganizationHasEnded."""
    organization = store.get(Organization, command.organization_id)
    if command.name != organization.name:
        raise NameIsAnother("its name is another; repeat it exactly to close the organization")
    must_show_second_factor(store, secrets, actor.id, command.code, now)
    return _closed(organization.id, now, store)


def close_organization_of(command: CloseOrganizationOf, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """Raises NotFound, OrganizationHasEnded."""
    return _closed(store.get(Organization, command.organization_id).id, now, store)


def reopen_organization(
    command: ReopenOrganization | ReopenOrganizationOf, actor: Actor, now: datetime, *, store: Store
) -> Accepted:
    """Raises NotFound, OrganizationHasEnded. One that is open stays so."""
    organization = store.get(Organization, command.organization_id)
    closure = store.find(Closure, closure_id(organization.id))
    if closure is None:
        return store.note(organization.id)
    closure.reopen(now)
    return store.save(closure)


def _closed(organization_id: UUID, now: datetime, store: Store) -> Accepted:
    closure = store.find(Closure, closure_id(organization_id)) or Closure.begin(organization_id, now)
    closure.close(now + IN_THE_TRASH, now)
    return store.save(closure)
