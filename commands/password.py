"""What one may ask of a password: a link to set another by, and to set it."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from commands.access import Access, Anyone, Command, Unnamed
from commands.api_token import end_tokens
from commands.link import follow_own_link
from commands.ports import Accepted, Purpose, Secrets, Store
from commands.session import end_sessions
from domain.credentials import NewPassword
from domain.model import Actor, Aggregate
from domain.organization import Organization
from domain.person import Person
from domain.second_factor import SecondFactor, second_factor_id
from domain.session import Ending
from domain.values import Flag, Token

RESET_WITHIN: Final = timedelta(hours=1)


class RequestPasswordReset(Command):
    """By whoever knows the address: who that is, nobody has shown."""

    ACCESS: ClassVar[Access] = Unnamed()
    person_id: UUID


class ResetPassword(Command):
    """By a link that was sent to the address of the person.

    API tokens are revoked: somebody else who was in the account may have made them. Whoever only forgot the password
    and knows of each of them may keep them, where the address was proven before.
    """

    ACCESS: ClassVar[Access] = Anyone("person_id")
    person_id: UUID
    token: Token
    password: NewPassword
    keep_tokens: Flag = False


def request_password_reset(
    command: RequestPasswordReset, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Links that were sent before stay good: else whoever asks again and again keeps the person from using any."""
    person = store.get(Person, command.person_id)
    person.request_password_reset(now)
    secrets.open_link(Purpose.PASSWORD_RESET, person.id, person.version, now, now + RESET_WITHIN)
    return store.save(person)


def reset_password(command: ResetPassword, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    """Whoever has the link reads the mail to the address, so that is verified, too.

    Another address that somebody wished for who knew the old password does not take its place any more.
    """
    follow_own_link(secrets, Purpose.PASSWORD_RESET, command.token, command.person_id, now)
    person = store.get(Person, command.person_id)
    first = store.get(Organization, person.organizations[0])
    secrets.set_password(person.id, command.password.get_secret_value(), (person.email, person.full_name, first.name))
    others: list[Aggregate] = []
    if not (command.keep_tokens and person.verified):
        others += end_tokens(None, person.id, now, store=store, secrets=secrets)
    if not person.verified:
        others += _disowned(person, now, store, secrets)
    person.change_password(now)
    person.verify_email(now)
    ended = end_sessions(secrets.every_session_of(person.id), Ending.PASSWORD_CHANGED, now, store, secrets)
    for purpose in (Purpose.PASSWORD_RESET, Purpose.EMAIL_CHANGE):
        secrets.close_links(purpose, person.id)
    return store.save(person, *ended, *others)


def _disowned(person: Person, now: datetime, store: Store, secrets: Secrets) -> list[SecondFactor]:
    """What was set up before anybody had proven the address need not be by the one whose address it is."""
    secrets.drop_second_factor(person.id)
    factor = store.find(SecondFactor, second_factor_id(person.id))
    if factor is None or not factor.is_on:
        return []
    factor.reset(person.organizations[0], now)
    return [factor]
