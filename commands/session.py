"""What one may ask of sessions: to begin one, to go on in another organization, to end one or all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import Field

from commands.access import Access, Command, Oneself, Platform
from commands.ports import Accepted, Secrets, Store
from domain.errors import NotFound
from domain.model import Actor
from domain.session import Ending, Means, Session
from domain.values import Sha256

# Of one person; whoever signs in once more ends the one that was not used for longest.
MOST_SESSIONS: Final = 100


class SignIn(Command):
    """`refresh` is the SHA-256 of the session's first refresh token."""

    ACCESS: ClassVar[Access] = Oneself()
    session_id: UUID
    organization_id: UUID
    means: Annotated[tuple[Means, ...], Field(max_length=10)]
    refresh: Sha256


class SwitchOrganization(Command):
    """Asked for as a member of the organization that the session goes on in."""

    ACCESS: ClassVar[Access] = Oneself()
    session_id: UUID


class EndSession(Command):
    ACCESS: ClassVar[Access] = Oneself()
    session_id: UUID
    reason: Ending = Ending.SIGNED_OUT


class EndEverySession(Command):
    """The asking one among them, which is named so that the answer has an id."""

    ACCESS: ClassVar[Access] = Oneself()
    session_id: UUID


class EndReusedSession(Command):
    """An old refresh token was used again: somebody else has it, or had it."""

    ACCESS: ClassVar[Access] = Platform()
    session_id: UUID


def sign_in(command: SignIn, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    displaced = list(secrets.sessions_of(actor.id))[MOST_SESSIONS - 1 :]
    ended = end_sessions(displaced, Ending.DISPLACED, now, store, secrets)
    session = Session.begin(command.session_id, actor.id, command.organization_id, command.means, now)
    secrets.begin_session(session.id, actor.id, command.organization_id, command.refresh)
    return store.save(session, *ended)


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
    ids = [id for id in secrets.sessions_of(actor.id) if id != asking.id]
    ended = end_sessions([asking.id, *ids], Ending.SIGNED_OUT_EVERYWHERE, now, store, secrets)
    return store.save(*ended)


def end_reused_session(
    command: EndReusedSession, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    ended = end_sessions([command.session_id], Ending.REFRESH_TOKEN_REUSED, now, store, secrets)
    return store.save(*ended)


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
