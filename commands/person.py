"""What one may ask of a person: to register, and to be called otherwise."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from commands.access import Access, Anyone, Command, Oneself
from commands.link import ask_to_verify
from commands.membership import let_in
from commands.ports import Accepted, Registration, Secrets, Store
from commands.project import home
from domain.closure import Closure, OrganizationWasClosed, closure_id
from domain.credentials import Email, NewPassword
from domain.errors import Refused
from domain.language import Language
from domain.membership import Membership
from domain.model import Actor
from domain.organization import Admission, Organization, organization_id, successor_id
from domain.person import Person
from domain.roles import Role
from domain.values import PlainName, Slug

AvatarName = Annotated[Slug, Field(pattern=r"^[a-z]+-[a-z]+-[0-9]{1,9}$")]


class EmailIsTaken(Refused):
    pass


class OrganizationTakesNobody(Refused):
    """At the moment, or without an invitation; why is for those who are in it."""

    @classmethod
    def for_now(cls, ask: str = "one of its admins") -> Self:
        return cls(f"this organization takes nobody at the moment; ask {ask}")


class Newcomer(Command):
    """Somebody who is not registered yet."""

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    full_name: PlainName
    avatar_name: AvatarName
    password: NewPassword
    language: Language = Language.ENGLISH


class RegisterPerson(Newcomer):
    email: Email
    company: PlainName
    division: PlainName


class ChooseLanguage(Command):
    ACCESS: ClassVar[Access] = Oneself()
    language: Language


class RenameSelf(Command):
    ACCESS: ClassVar[Access] = Oneself()
    full_name: PlainName


def rename_self(command: RenameSelf, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, actor.id)
    person.rename(command.full_name, home(actor), now)
    return store.save(person)


def register_person(
    command: RegisterPerson, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """The first member of an organization is its admin; a later one waits, unless the organization is open."""
    arrived = arrive(command, now, store, secrets)
    keep_password(command, command.email, (command.company, command.division), secrets)
    return store.save(*arrived)


def arrive(
    who: RegisterPerson | Registration, now: datetime, store: Store, secrets: Secrets, *, proven: bool = False
) -> tuple[Person, Organization, Membership]:
    """Into the organization that was named. Raises EmailIsTaken, OrganizationTakesNobody."""
    at = _named(who.company, who.division, store)
    return enrolled(who, who.email, at, now, secrets, proven=proven), *_admitted(who, at, now, store)


def _named(company: str, division: str, store: Store) -> UUID:
    """The organization that is there under this name, or may be founded. Raises OrganizationTakesNobody."""
    at = organization_id(company, division)
    while (closure := store.find(Closure, closure_id(at))) is not None:
        if not closure.purged:
            _must_be_open(closure)
            break
        at = successor_id(at)
    return at


def _must_be_open(closure: Closure) -> None:
    """Why it takes nobody is for those who are in it. Raises OrganizationTakesNobody."""
    try:
        closure.must_be_open()
    except OrganizationWasClosed as error:
        raise OrganizationTakesNobody.for_now() from error


def _admitted(
    who: RegisterPerson | Registration, at: UUID, now: datetime, store: Store
) -> tuple[Organization, Membership]:
    membership = Membership.request(at, who.person_id, now)
    organization = store.find(Organization, at)
    if organization is None:
        organization = Organization.found(who.company, who.division, now, at)
        let_in(membership, organization, Role.ADMIN, now)
    elif organization.admission is Admission.OPEN:
        if organization.is_full:  # its name and its numbers are for those who are in it
            raise OrganizationTakesNobody.for_now()
        let_in(membership, organization, Role.GUEST, now)
    elif organization.admission is Admission.INVITATION:
        raise OrganizationTakesNobody("this organization takes new members by invitation only")
    return organization, membership


def take_avatar_name(secrets: Secrets, wished: str, person_id: UUID) -> str:
    """The one that is wished for, or the same words with the next number that nobody has."""
    name = next(each for each in _numbered(wished) if not secrets.has_avatar_name(each))
    secrets.claim_avatar_name(name, person_id)
    return name


def _numbered(name: str) -> Iterator[str]:
    words, _, number = name.rpartition("-")
    return (f"{words}-{each}" for each in count(int(number)))


def enrolled(
    who: Newcomer | Registration, email: str, at: UUID, now: datetime, secrets: Secrets, *, proven: bool = False
) -> Person:
    """`proven` where the link of a letter to the address was followed; it is asked for by one, else."""
    if secrets.person_of(email) is not None:
        raise EmailIsTaken("this address is registered already; sign in instead")
    called = take_avatar_name(secrets, who.avatar_name, who.person_id)
    person = Person.register(who.person_id, email, who.full_name, called, at, now)
    if not proven:
        ask_to_verify(secrets, person, now)
    person.choose_language(who.language, at, now)
    if proven:
        person.verify_email(now)
    secrets.claim_email(email, who.person_id)
    return person


def keep_password(who: Newcomer, email: str, organization: Iterable[str], secrets: Secrets) -> None:
    """`organization` is what theirs is called. Raises PasswordIsCommon."""
    secrets.set_password(who.person_id, who.password.get_secret_value(), (email, who.full_name, *organization))


def choose_language(command: ChooseLanguage, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, actor.id)
    person.choose_language(command.language, home(actor), now)
    return store.save(person)
