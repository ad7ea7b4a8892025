"""What one may ask of an invitation: to be sent, to be sent again, to be sent no more, and to be over in time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import Field, Strict

from commands.access import Access, Command, May, Platform
from commands.invited import KINDS, InShared, Place, place_of
from commands.ports import Accepted, Purpose, Secrets, Store
from commands.project import home
from domain.credentials import Email
from domain.invitation import CancelReason, Invitation, InvitationType
from domain.language import Language
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.organization import Organization
from domain.person import Person
from domain.project import Project
from domain.roles import DatasetRole, Permission, ProjectRole, Role
from domain.values import Erased, Flag, Text

Days = Annotated[int, Strict(), Field(ge=1, le=30)]
Message = Annotated[Text, Field(max_length=1_000)]
GOOD_FOR: Final = 7


class Invite(Command):
    """Into `target_id`, by a letter in the language that its reader chose here; in the named one, else the sender's, to
    whoever is not known.
    """

    TYPE: ClassVar[InvitationType]
    invitation_id: UUID
    target_id: UUID
    role: Role | ProjectRole | DatasetRole
    email: Email
    message: Message = ""
    language: Language | None = None
    for_anyone: Flag = False
    days: Days = GOOD_FOR


class InviteToOrganization(Invite):
    TYPE: ClassVar[InvitationType] = InvitationType.ORGANIZATION
    ACCESS: ClassVar[Access] = KINDS[TYPE].rule
    role: Role = Role.GUEST


class InviteToProject(Invite):
    TYPE: ClassVar[InvitationType] = InvitationType.PROJECT
    ACCESS: ClassVar[Access] = KINDS[TYPE].rule
    role: ProjectRole = ProjectRole.MEMBER


class InviteToDataset(Invite):
    TYPE: ClassVar[InvitationType] = InvitationType.DATASET
    ACCESS: ClassVar[Access] = KINDS[TYPE].rule
    role: DatasetRole = DatasetRole.VIEWER


class PlaceByAddress(InviteToProject):
    """A member of the organization whose address is verified is in the project at once; anybody else is invited."""


class CancelInvitation(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_INVITATIONS, Invitation, "invitation_id", unverified=True)
    invitation_id: UUID


class ResendInvitation(Command):
    """Another letter, with as much time as a new invitation has."""

    ACCESS: ClassVar[Access] = May(Permission.MANAGE_INVITATIONS, Invitation, "invitation_id")
    invitation_id: UUID
    days: Days = GOOD_FOR


class ExpireInvitation(Command):
    ACCESS: ClassVar[Access] = Platform()
    invitation_id: UUID


def invite(command: Invite, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    """Whether the address is somebody's who is no member, no answer tells.

    Raises Forbidden, OrganizationIsFull, and what keeps the place from being filled.
    """
    place = place_of(store, command.TYPE, command.target_id, command.role)
    place.must_be_given_by(actor)
    place.must_take_people()
    inviter = store.get(Person, actor.id)
    organization = store.get(Organization, home(actor))
    if member := _member(command.email, organization, command.invitation_id, store, secrets):
        place.must_be_free_for(member)
    else:
        organization.must_have_seat(secrets.addresses_invited(organization.id, command.email))
    replaced = _replaced(command, actor, now, store, secrets)
    until = now + timedelta(days=command.days)
    spoken = Language.ENGLISH if isinstance(inviter.language, Erased) else inviter.language
    invitation = Invitation.send(
        command.invitation_id,
        organization.id,
        (command.TYPE, command.target_id, place.name),
        command.role.value,
        actor.id,
        (command.email, command.message, command.language or spoken),
        command.for_anyone,
        until,
        now,
    )
    secrets.open_invitation(invitation.id, command.email, command.target_id, organization.id, actor.id, until)
    secrets.open_link(Purpose.INVITATION, invitation.id, invitation.version, now, until)
    return store.save(invitation, *replaced)


def place_by_address(
    command: PlaceByAddress, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    organization = store.get(Organization, home(actor))
    member = _member(command.email, organization, command.invitation_id, store, secrets)
    if member is None or not store.is_verified(member.person_id):
        return invite(command, actor, now, store=store, secrets=secrets)
    place = InShared(store.get(Project, command.target_id), command.role)
    place.must_be_given_by(actor)
    place.must_be_free_for(member)
    place.fill(member, organization, now)
    return store.save(place.thing)


def cancel_invitation(
    command: CancelInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    invitation = store.get(Invitation, command.invitation_id)
    must_be_able_to_end(invitation, actor, store)
    return store.save(cancelled(invitation, CancelReason.WITHDRAWN, now, secrets))


def resend_invitation(
    command: ResendInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    invitation = store.get(Invitation, command.invitation_id)
    place = place_for(invitation, store)
    place.must_be_given_by(actor)
    place.must_take_people()
    until = now + timedelta(days=command.days)
    invitation.send_again(until, now)
    secrets.extend_invitation(invitation.id, until)
    secrets.open_link(Purpose.INVITATION, invitation.id, invitation.version, now, until)
    return store.save(invitation)


def expire_invitation(
    command: ExpireInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    invitation = store.get(Invitation, command.invitation_id)
    invitation.expire(now)
    close(invitation, secrets)
    return store.save(invitation)


def end_invitations(person_id: UUID, now: datetime, *, store: Store, secrets: Secrets) -> list[Invitation]:
    """All that are pending to somebody, and all that they sent: what is personal in them goes with the person."""
    ids = {*secrets.invitations_to(person_id), *secrets.invitations_by(person_id)}
    return _all_cancelled(ids, CancelReason.PERSON_ERASED, now, store, secrets)


def end_invitations_into(target_id: UUID, now: datetime, *, store: Store, secrets: Secrets) -> list[Invitation]:
    """All that are pending to what is gone for good."""
    return _all_cancelled(secrets.invitations_into(target_id), CancelReason.TARGET_PURGED, now, store, secrets)


def _all_cancelled(
    ids: Iterable[UUID], reason: CancelReason, now: datetime, store: Store, secrets: Secrets
) -> list[Invitation]:
    return [cancelled(store.get(Invitation, id), reason, now, secrets) for id in sorted(ids)]


def place_for(invitation: Invitation, store: Store) -> Place:
    return place_of(store, invitation.type, invitation.target_id, invitation.role)


def _member(
    email: str, organization: Organization, otherwise: UUID, store: Store, secrets: Secrets
) -> Membership | None:
    """Who is active there; looked up alike where nobody has the address, so that no clock tells."""
    member = store.find(Membership, membership_id(organization.id, secrets.person_of(email) or otherwise))
    return member if member is not None and member.active else None


def _replaced(command: Invite, actor: Actor, now: datetime, store: Store, secrets: Secrets) -> tuple[Invitation, ...]:
    """The one that is pending to the same address and thing."""
    id = secrets.invitation_to(command.target_id, command.email)
    if id is None:
        return ()
    before = store.get(Invitation, id)
    must_be_able_to_end(before, actor, store)
    return (cancelled(before, CancelReason.REPLACED, now, secrets),)


def must_be_able_to_end(invitation: Invitation, actor: Actor, store: Store) -> None:
    """Whoever could send it, and whoever did. Raises Forbidden."""
    if invitation.inviter_id != actor.id:
        place_for(invitation, store).must_be_given_by(actor)


def cancelled(invitation: Invitation, reason: CancelReason, now: datetime, secrets: Secrets) -> Invitation:
    invitation.cancel(reason, now)
    close(invitation, secrets)
    return invitation


def close(invitation: Invitation, secrets: Secrets) -> None:
    secrets.close_links(Purpose.INVITATION, invitation.id)
    secrets.close_invitation(invitation.id)
