"""What one may ask of an address: another link to verify it by, to verify it, and to be reached at another one."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Anyone, Command, Oneself, Platform, Unnamed
from commands.code import Code, must_show_second_factor
from commands.link import VERIFIED_WITHIN, LinkIsOver, ask_to_verify, follow_own_link
from commands.person import EmailIsTaken
from commands.ports import Accepted, Purpose, Secrets, Store
from commands.project import home
from domain.credentials import Email
from domain.model import Actor
from domain.person import Person
from domain.values import Erased, Token


class RequestVerification(Command):
    """By whoever knows the address: who that is, nobody has shown."""

    ACCESS: ClassVar[Access] = Unnamed()
    person_id: UUID


class VerifyEmail(Command):
    """By a link that was sent to the address of the person."""

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    token: Token


class VouchForAddress(Command):
    """By whoever keeps the machine, who knows whose address it is."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


class RequestEmailChange(Command):
    """Whether somebody has that address, no answer tells. `code` is needed where a second factor is on."""

    ACCESS: ClassVar[Access] = Oneself()
    email: Email
    code: Code | None = None


class ChangeEmail(Command):
    """By a link that was sent to the address that is wished for."""

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    token: Token


def request_verification(
    command: RequestVerification, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Nothing is sent where the address is verified."""
    person = store.get(Person, command.person_id)
    person.request_verification(now)
    if not person.verified:
        ask_to_verify(secrets, person, now)
    return store.save(person)


def verify_email(command: VerifyEmail, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    follow_own_link(secrets, Purpose.VERIFICATION, command.token, command.person_id, now)
    return _verified(command.person_id, now, store, secrets)


def vouch_for_address(
    command: VouchForAddress, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    return _verified(command.person_id, now, store, secrets)


def _verified(person_id: UUID, now: datetime, store: Store, secrets: Secrets) -> Accepted:
    person = store.get(Person, person_id)
    person.verify_email(now)
    secrets.close_links(Purpose.VERIFICATION, person.id)
    return store.save(person)


def request_email_change(
    command: RequestEmailChange, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """A link that was sent to another one before is over, for it would change to this one."""
    must_show_second_factor(store, secrets, actor.id, command.code, now)
    person = store.get(Person, actor.id)
    person.request_email_change(command.email, home(actor), now)
    secrets.close_links(Purpose.EMAIL_CHANGE, person.id)
    secrets.open_link(Purpose.EMAIL_CHANGE, person.id, person.version, now, now + VERIFIED_WITHIN)
    return store.save(person)


def change_email(command: ChangeEmail, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    """Every link that was sent to the address of before is over; sessions go on. Raises EmailIsTaken."""
    follow_own_link(secrets, Purpose.EMAIL_CHANGE, command.token, command.person_id, now)
    person = store.get(Person, command.person_id)
    person.change_email(now)
    if isinstance(person.email, Erased):
        raise LinkIsOver("this link is for somebody who cannot be read any more")
    if secrets.person_of(person.email) not in (None, person.id):
        raise EmailIsTaken("somebody else has this address by now")
    secrets.move_email(person.email, person.id)
    for purpose in (Purpose.EMAIL_CHANGE, Purpose.VERIFICATION, Purpose.PASSWORD_RESET):
        secrets.close_links(purpose, person.id)
    return store.save(person)
