"""What one may ask of a membership: to let somebody in, to change a role, to shut somebody out or send them away."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.api_token import end_tokens
from commands.ports import Accepted, Secrets, Store
from domain.errors import Forbidden
from domain.membership import Membership
from domain.model import Actor, Aggregate
from domain.organization import Organization, OrganizationNeedsAnAdmin
from domain.person import Person
from domain.roles import Permission, Role, can_grant_role
from domain.values import PlainName


class ApproveMember(Command):
    ACCESS: ClassVar[Access] = May(Permission.APPROVE_MEMBER, Membership, "membership_id")
    membership_id: UUID
    role: Role = Role.GUEST


class ChangeRole(Command):
    ACCESS: ClassVar[Access] = May(Permission.GRANT_ROLE, Membership, "membership_id")
    membership_id: UUID
    role: Role


class RenameMember(Command):
    """Of those who began in this organization; whoever joined it later, or left it, has a name of their own."""

    ACCESS: ClassVar[Access] = May(Permission.MANAGE_MEMBERS, Membership, "membership_id")
    membership_id: UUID
    full_name: PlainName


class DeactivateMember(Command):
    """Shut out at once; what the person has in the organization stays, and its seat is free.

    Also whoever owns projects: it may be urgent, and there is always an admin who can hand them over meanwhile.
    """

    ACCESS: ClassVar[Access] = May(Permission.MANAGE_MEMBERS, Membership, "membership_id")
    membership_id: UUID


class ReactivateMember(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_MEMBERS, Membership, "membership_id")
    membership_id: UUID


class RemoveMember(Command):
    """Also one who waits: a request that is turned down."""

    ACCESS: ClassVar[Access] = May(Permission.MANAGE_MEMBERS, Membership, "membership_id")
    membership_id: UUID


def approve_member(command: ApproveMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """Raises Forbidden, PersonIsErased, OrganizationIsFull, MembershipIsActive."""
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    must_be_able_to_grant(actor, command.role)
    store.get(Person, membership.person_id).must_be_somebody()
    let_in(membership, organization, command.role, now)
    return store.save(membership, organization)


def let_in(membership: Membership, organization: Organization, role: Role, now: datetime) -> None:
    """Raises OrganizationIsFull, MembershipIsActive."""
    organization.seat(membership.person_id, now)
    membership.approve(role, now)
    if role is Role.ADMIN:
        organization.add_admin(membership.person_id, now)


def change_role(command: ChangeRole, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    must_be_able_to_grant(actor, command.role)
    must_be_able_to_take(actor, membership)
    membership.change_role(command.role, now)
    if command.role is Role.ADMIN and membership.active:
        organization.add_admin(membership.person_id, now)
    else:
        must_leave_an_admin(organization, membership.person_id, store)
        organization.remove_admin(membership.person_id, now)
    return store.save(membership, organization)


def rename_member(command: RenameMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    must_be_able_to_take(actor, membership)
    must_be_at_home(membership, store)
    person = store.get(Person, membership.person_id)
    person.rename(command.full_name, membership.organization_id, now)
    return store.save(person)


def deactivate_member(command: DeactivateMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    must_be_able_to_take(actor, membership)
    must_leave_an_admin(organization, membership.person_id, store)
    organization.let_go(membership.person_id, now)
    membership.deactivate(now)
    return store.save(membership, organization)


def reactivate_member(command: ReactivateMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    must_be_able_to_take(actor, membership)
    membership.reactivate(now)
    if membership.active:
        organization.seat(membership.person_id, now)
    if membership.role is Role.ADMIN:
        organization.add_admin(membership.person_id, now)
    return store.save(membership, organization)


def remove_member(command: RemoveMember, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    must_be_able_to_take(actor, membership)
    return store.save(*end_membership(membership, organization, now, store=store, secrets=secrets))


def end_membership(
    membership: Membership,
    organization: Organization,
    now: datetime,
    *,
    store: Store,
    secrets: Secrets,
    ended: bool = False,
) -> list[Aggregate]:
    """With all API tokens of the member there: whoever comes back begins without any.

    Where the organization has `ended`, also that of its last admin.

    Returns all that changed. Raises OrganizationNeedsAnAdmin, MemberOwnsProjects.
    """
    if not ended:
        must_leave_an_admin(organization, membership.person_id, store)
    organization.let_go(membership.person_id, now, ended=ended)
    membership.end(now)
    tokens = end_tokens(organization.id, membership.person_id, now, store=store, secrets=secrets)
    return [membership, organization, *tokens]


def must_leave_an_admin(organization: Organization, person_id: UUID, store: Store) -> None:
    """One who can act: whoever has not verified an address reads and does no more. Raises OrganizationNeedsAnAdmin."""
    organization.must_have_another_admin(person_id)
    others = sorted(organization.admins - {person_id})
    if person_id in organization.admins and not any(store.is_verified(each) for each in others):
        raise OrganizationNeedsAnAdmin(
            f"{organization.name} would be left with no admin who has verified an address: name another one first, or "
            "wait until one of the others has"
        )


def must_be_at_home(membership: Membership, store: Store) -> None:
    """What other organizations rely on, too, is changed where the person began and still is. Raises Forbidden."""
    if membership.ended or store.get(Person, membership.person_id).organizations[0] != membership.organization_id:
        raise Forbidden("this person began in another organization, or left this one: it is not yours to change")


def must_be_able_to_take(actor: Actor, membership: Membership) -> None:
    if membership.role is not None:
        must_be_able_to_grant(actor, membership.role)


def must_be_able_to_grant(actor: Actor, role: Role) -> None:
    """Raises Forbidden."""
    if actor.role is None or not can_grant_role(Role(actor.role), role):
        raise Forbidden(f"the role {actor.role} may not grant or take the role {role}")
