"""What one may ask of an address: another link to verify it by, and to verify it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Anyone, Command
from commands.link import ask_to_verify, follow_own_link
from commands.ports import Accepted, Purpose, Secrets, Store
from domain.model import Actor
from domain.person import Person
from domain.values import Token


class RequestVerification(Command):
    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID


class VerifyEmail(Command):
    """By a link that was sent to the address of the person."""

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
    person = store.get(Person, command.person_id)
    person.verify_email(now)
    secrets.close_links(Purpose.VERIFICATION, person.id)
    return store.save(person)
