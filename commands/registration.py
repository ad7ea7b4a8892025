"""What one may ask where an account begins only once its address is proven: to register, and to begin.

Until then nothing about the person is an event: whoever never follows the link leaves nothing behind.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Anyone, Command, Platform
from commands.link import VERIFIED_WITHIN, LinkIsOver, follow_own_link
from commands.person import RegisterPerson, arrive, keep_password
from commands.ports import Accepted, Purpose, Registration, Secrets, Store
from domain.errors import Conflict, NotFound
from domain.model import Actor
from domain.person import Person
from domain.values import Token


class RequestRegistration(RegisterPerson):
    """Whether somebody has the address is not looked at, so that neither answer nor clock tells."""


class CompleteRegistration(Command):
    """By a link that was sent to the address."""

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    token: Token


class DropRegistration(Command):
    """Of somebody who never followed the link, or whose address is another person's."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


def request_registration(
    command: RequestRegistration, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    if store.find(Person, command.person_id) is not None:
        raise Conflict("this id is somebody's")
    until = now + VERIFIED_WITHIN
    asked = Registration(**command.model_dump(exclude={"password"}))
    keep_password(command, command.email, (command.company, command.division), secrets)
    secrets.hold_registration(asked, now, until)
    secrets.open_link(Purpose.REGISTRATION, command.person_id, 1, now, until)
    return store.note(command.person_id)


def complete_registration(
    command: CompleteRegistration, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Raises LinkIsOver, EmailIsTaken, OrganizationTakesNobody."""
    follow_own_link(secrets, Purpose.REGISTRATION, command.token, command.person_id, now)
    asked = secrets.registration(command.person_id)
    if asked is None:
        raise LinkIsOver("this link is too old; register once more")
    secrets.end_registration(asked.person_id)
    return store.save(*arrive(asked, now, store, secrets, proven=True))


def drop_registration(
    command: DropRegistration, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    if store.find(Person, command.person_id) is not None:
        raise NotFound(f"{command.person_id} is a person, and no registration that waits")
    secrets.forget(command.person_id)
    return store.note(command.person_id)
