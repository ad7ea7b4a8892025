"""What whoever has the link of an invitation may ask: to accept it, to join by it as somebody new, to decline it.

The sender's rights are looked at when an invitation is sent, and once more when it is accepted.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Anyone, Caller, Command, Unnamed
from commands.inside import must_be_open, must_be_the_password, must_go_on
from commands.invitation import close, place_for
from commands.invited import KINDS
from commands.link import follow_link
from commands.membership import let_in
from commands.person import Newcomer, OrganizationTakesNobody, enrolled, keep_password
from commands.ports import Accepted, Purpose, Secrets, Store
from domain.closure import OrganizationWasClosed
from domain.credentials import Email
from domain.errors import Forbidden, Invalid, NotFound, Refused, Unauthenticated
from domain.invitation import Invitation
from domain.membership import Membership, MembershipIsNotActive, membership_id
from domain.model import Actor, Aggregate
from domain.organization import Organization
from domain.person import Person
from domain.values import Count, Erased, Flag, Token


class InvitationIsForAnother(Refused):
    """The address that accepts is the one that was written to."""


class InvitationIsVoid(Refused):
    """Whoever sent it could not send it now."""


class InvitationIsSuspended(Refused):
    """Its target accepts nobody at present (it is in the trash, for example). The invitation works again once it does,
    unless it has expired.
    """


class AddressComesFirst(Refused):
    """Where an account begins with a proven address, no link that anyone may have begins one."""


class AcceptInvitation(Command):
    """As somebody who is registered. Whoever follows a link that was sent to the address reads its mail.

    `shown` is the session that it is asked in, or the version of the password by which.
    """

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    shown: UUID | Count
    token: Token


class JoinByInvitation(Newcomer):
    """As somebody new, at the address that was written to; `email` is another one, where anyone may accept.

    With `proven`, nobody begins at an address that no letter went to.
    """

    token: Token
    email: Email | None = None
    proven: Flag = False


class DeclineInvitation(Command):
    ACCESS: ClassVar[Access] = Unnamed()
    token: Token


def accept_invitation(
    command: AcceptInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    person = store.get(Person, command.person_id)
    if isinstance(command.shown, UUID):
        must_go_on(command.shown, None, store)
    else:
        must_be_the_password(person, command.shown)
    invitation = _followed(command.token.get_secret_value(), now, store, secrets)
    if invitation.for_anyone:
        person.must_be_verified()
    elif invitation.id not in secrets.invitations_to(person.id):
        raise InvitationIsForAnother("this invitation was sent to another address than that of your account")
    else:
        person.verify_email(now)
        secrets.close_links(Purpose.VERIFICATION, person.id)
    return _accepted(invitation, person, now, store, secrets)


def join_by_invitation(
    command: JoinByInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    invitation = _followed(command.token.get_secret_value(), now, store, secrets)
    if command.proven and invitation.for_anyone:
        raise AddressComesFirst(
            "an account begins with a proven address here: register, follow the link in the letter, accept signed in"
        )
    email, at = _address_of(command, invitation, secrets), invitation.organization_id
    person = enrolled(command, email, at, now, secrets, proven=not invitation.for_anyone)
    keep_password(command, email, (store.get(Organization, at).name,), secrets)
    return _accepted(invitation, person, now, store, secrets)


def decline_invitation(
    command: DeclineInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    invitation = _followed(command.token.get_secret_value(), now, store, secrets)
    invitation.decline(now)
    close(invitation, secrets)
    return store.save(invitation)


def must_lead_on(invitation: Invitation, store: Store) -> None:
    """What it leads to is named to nobody who is not in it yet. Raises InvitationIsSuspended."""
    try:
        must_be_open(invitation.organization_id, store)
        place_for(invitation, store).must_take_people()
    except (OrganizationWasClosed, Refused) as closed:
        raise InvitationIsSuspended(
            "this invitation is not open: what it leads to takes nobody at the moment; ask whoever sent it"
        ) from closed


def _followed(token: str, now: datetime, store: Store, secrets: Secrets) -> Invitation:
    invitation = store.get(Invitation, follow_link(secrets, Purpose.INVITATION, token, now))
    invitation.must_be_pending(now)
    return invitation


def _address_of(command: JoinByInvitation, invitation: Invitation, secrets: Secrets) -> str:
    email = command.email
    if email is None:
        if invitation.for_anyone or isinstance(invitation.email, Erased):
            raise Invalid("email: anyone may accept this invitation, so say at which address you are reached")
        return invitation.email
    if not invitation.for_anyone and secrets.invitation_to(invitation.target_id, email) != invitation.id:
        raise InvitationIsForAnother("this invitation was sent to another address")
    return email


def _accepted(invitation: Invitation, person: Person, now: datetime, store: Store, secrets: Secrets) -> Accepted:
    person.join(invitation.organization_id, now)
    changed = _brought_in(invitation, person.id, now, store)
    invitation.accept(person.id, now)
    close(invitation, secrets)
    by_right_of = {each.id: invitation.inviter_id for each in changed}
    return store.save(invitation, person, *changed, on_behalf_of=by_right_of)


def _brought_in(invitation: Invitation, person_id: UUID, now: datetime, store: Store) -> list[Aggregate]:
    must_lead_on(invitation, store)
    giver = _giver(invitation, store)
    place = place_for(invitation, store)
    organization = store.get(Organization, invitation.organization_id)
    id = membership_id(organization.id, person_id)
    member = store.find(Membership, id) or Membership.request(organization.id, person_id, now)
    if member.deactivated:
        raise MembershipIsNotActive(
            "your account is deactivated in this organization; an admin of it can reactivate it"
        )
    if member.active:
        place.must_be_free_for(member)
    elif role := place.entry(giver, organization):
        if organization.is_full:  # its numbers are for those who are in it
            raise OrganizationTakesNobody.for_now("whoever invited you")
        let_in(member, organization, role, now)
    elif member.ended:
        raise MembershipIsNotActive("you are not a member of this organization any more; ask one of its admins")
    return [member, organization, *place.fill(member, organization, now)]


def _giver(invitation: Invitation, store: Store) -> Actor:
    """Whoever sent it, as they stand at this moment. Raises InvitationIsVoid."""
    sender = Caller(kind="person", id=invitation.inviter_id, organization_id=invitation.organization_id)
    try:
        giver = KINDS[invitation.type].rule.let(sender, store, invitation.target_id)
        place_for(invitation, store).must_be_given_by(giver)
    except (Forbidden, NotFound, Unauthenticated) as error:
        raise InvitationIsVoid("whoever sent this invitation may not invite there any more; ask for another") from error
    return giver
