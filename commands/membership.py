"""What one may ask of a membership: to let somebody in, and to change a role."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.ports import Accepted, Store
from domain.errors import Forbidden
from domain.membership import Membership
from domain.model import Actor
from domain.organization import Organization
from domain.roles import Permission, Role, can_grant_role


class ApproveMember(Command):
    ACCESS: ClassVar[Access] = May(Permission.APPROVE_MEMBER, Membership, "membership_id")
    membership_id: UUID
    role: Role = Role.GUEST


class ChangeRole(Command):
    ACCESS: ClassVar[Access] = May(Permission.GRANT_ROLE, Membership, "membership_id")
    membership_id: UUID
    role: Role


def approve_member(command: ApproveMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    _must_be_able_to_grant(actor, command.role)
    organization.seat(membership.person_id, now)
    membership.approve(command.role, now)
    if command.role is Role.ADMIN:
        organization.add_admin(membership.person_id, now)
    return store.save(membership, organization)


def change_role(command: ChangeRole, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    _must_be_able_to_grant(actor, command.role)
    if membership.role is not None:
        _must_be_able_to_grant(actor, membership.role)
    membership.change_role(command.role, now)
    if command.role is Role.ADMIN:
        organization.add_admin(membership.person_id, now)
    else:
        organization.remove_admin(membership.person_id, now)
    return store.save(membership, organization)


def _must_be_able_to_grant(actor: Actor, role: Role) -> None:
    if actor.role is None or not can_grant_role(Role(actor.role), role):
        raise Forbidden(f"the role {actor.role} may not grant or take the role {role}")
