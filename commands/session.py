"""What one may ask of sessions: to begin one, to go on in another organization, to end one or all."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import AwareDatetime, Field

from commands.access import Access, Caller, Command, Oneself, Platform, in_person
from commands.code import Code, use_code
from commands.inside import WhileClosed, has_second_factor, must_be_of, must_be_the_password, must_go_on
from commands.ports import Accepted, Purpose, Secrets, Store
from domain.errors import NotFound, Unauthenticated
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.person import Person
from domain.roles import Role
from domain.session import Ending, Means, Session
from domain.values import Count, Sha256

# Of one person; whoever signs in once more ends the one that was not used for longest.
MOST_SESSIONS: Final = 100


@dataclass(frozen=True)
class Entering(Oneself):
    """In an organization that one names: to whoever is not of it, it is not there."""

    def role(self, caller: Caller, store: Store) -> Role | None:
        must_be_of(caller.organization_id, caller.id, store)
        return super().role(caller, store)


@dataclass(frozen=True)
class Leaving(Oneself):
    """Allowed even to someone who has been removed or deactivated: it concerns only the person's own account.

    What that organization asks of its members, a second factor say, it asks of those who are its members.
    """

    def let(self, caller: Caller, store: Store) -> Actor:
        """Raises Forbidden, Unauthenticated."""
        if caller.kind == "person" and caller.organization_id is not None:
            member = store.find(Membership, membership_id(caller.organization_id, caller.id))
            if member is not None and (member.ended or member.deactivated):
                in_person(caller)
                must_go_on(caller.session_id, caller.token_id, store)
                return caller.acting(None)
        return super().let(caller, store)


SIGNING_IN: Final = Entering(unproven=True, while_closed=WhileClosed.ANYBODY)
SIGNING_OUT: Final = Leaving(unproven=True, while_closed=WhileClosed.ANYBODY)


class SignIn(Command):
    """`refresh` is the SHA-256 of the session's first refresh token.

    `password_version` is of the password that was shown. `code` is needed where a second factor is on.
    """

    ACCESS: ClassVar[Access] = SIGNING_IN
    session_id: UUID
    organization_id: UUID
    means: Annotated[tuple[Means, ...], Field(max_length=10)]
    refresh: Sha256
    password_version: Count
    code: Code | None = None


class SwitchOrganization(Command):
    """Asked for as a member of the organization that the session goes on in."""

    ACCESS: ClassVar[Access] = Entering(unproven=True, while_closed=WhileClosed.ADMIN)
    session_id: UUID


class EndSession(Command):
    ACCESS: ClassVar[Access] = SIGNING_OUT
    session_id: UUID
    reason: Ending = Ending.SIGNED_OUT


class EndEverySession(Command):
    """The asking one among them, which is named so that the answer has an id.

    What somebody asked for in one of them ends as well: another address that is wished for does not take its place.
    """

    ACCESS: ClassVar[Access] = SIGNING_OUT
    session_id: UUID


class EndReusedSession(Command):
    """An old refresh token was used again: somebody else has it, or had it."""

    ACCESS: ClassVar[Access] = Platform()
    session_id: UUID


class NoteFailedSignIns(Command):
    """Of one person by one means, in an hour that is over."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID
    means: Means
    failures: Annotated[Count, Field(ge=1)]
    first_at: AwareDatetime
    last_at: AwareDatetime


def sign_in(command: SignIn, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    must_be_the_password(store.get(Person, actor.id), command.password_version)
    means = (*command.means, *_second_means(command, actor.id, now, store, secrets))
    displaced = list(secrets.sessions_of(actor.id))[MOST_SESSIONS - 1 :]
    ended = end_sessions(displaced, Ending.DISPLACED, now, store, secrets)
    session = Session.begin(command.session_id, actor.id, command.organization_id, means, now)
    secrets.begin_session(session.id, actor.id, command.organization_id, command.refresh)
    return store.save(session, *ended)


def _second_means(command: SignIn, person_id: UUID, now: datetime, store: Store, secrets: Secrets) -> tuple[Means, ...]:
    """Raises Unauthenticated, WrongCode."""
    if not has_second_factor(person_id, store):
        if command.code is not None:
            raise Unauthenticated("no second factor is on any more; sign in again")
        return ()
    if command.code is None:
        raise Unauthenticated("a second factor is on; sign in with a code of it as well")
    return (use_code(secrets, person_id, command.code, now),)


def switch_organization(
    command: SwitchOrganization, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    session = _own(command.session_id, actor, store)
    assert actor.organization_id is not None, "a person acts inside one organization"
    session.switch(actor.organization_id, now)
    secrets.move_session(session.id, actor.organization_id)
    return store.save(session)


def end_session(command: EndSession, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    session = _own(command.session_id, actor, store)
    end_sessions([session.id], command.reason, now, store, secrets)
    return store.save(session)


def end_every_session(
    command: EndEverySession, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    asking = _own(command.session_id, actor, store)
    ids = [id for id in secrets.every_session_of(actor.id) if id != asking.id]
    ended = end_sessions([asking.id, *ids], Ending.SIGNED_OUT_EVERYWHERE, now, store, secrets)
    secrets.close_links(Purpose.EMAIL_CHANGE, actor.id)
    return store.save(*ended)


def end_reused_session(
    command: EndReusedSession, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    ended = end_sessions([command.session_id], Ending.REFRESH_TOKEN_REUSED, now, store, secrets)
    return store.save(*ended)


def note_failed_sign_ins(command: NoteFailedSignIns, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, command.person_id)
    person.note_failed_sign_ins(command.means, command.failures, command.first_at, command.last_at, now)
    return store.save(person)


def end_sessions(ids: Iterable[UUID], reason: Ending, now: datetime, store: Store, secrets: Secrets) -> list[Session]:
    """What else ends a person's sessions saves these with its own."""
    sessions = [store.get(Session, id) for id in ids]
    for session in sessions:
        session.end(reason, now)
        secrets.end_session(session.id)
    return sessions


def _own(session_id: UUID, actor: Actor, store: Store) -> Session:
    session = store.get(Session, session_id)
    if session.person_id != actor.id:
        raise NotFound(f"there is no session {session_id}")
    return session
