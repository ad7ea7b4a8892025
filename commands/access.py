"""Who may give a command: declared beside it, decided here and nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID

from commands.inside import (
    WhileClosed,
    must_be_heard_of,
    must_be_open,
    must_be_verified,
    must_go_on,
    must_have_what_is_required,
    role_of_person,
    role_of_service,
)
from commands.ports import Store
from domain.closure import closure_id
from domain.errors import Forbidden, Unauthenticated
from domain.invitation import Invitation
from domain.membership import Membership, membership_id
from domain.model import OPERATOR, SYSTEM, Actor, Aggregate, Client
from domain.person import Person
from domain.project import Project
from domain.roles import Permission, Reach, Role, Scope, reach, scope_of
from domain.second_factor import second_factor_id
from domain.security_policy import security_policy_id
from domain.service_account import ServiceAccount
from domain.shared import Shared
from domain.training import OVER
from domain.training_job import TrainingJob
from domain.values import Count, Value


class Caller(Value):
    """Who stands at the door, as its credential says; the role is read from the ledger, never from here.

    `scopes` bound what an API token is for; None is one who signed in.
    """

    kind: str
    id: UUID
    organization_id: UUID | None = None
    session_id: UUID | None = None
    token_id: UUID | None = None
    framework: str | None = None
    job_id: UUID | None = None
    attempt: int | None = None
    scopes: frozenset[Scope] | None = None
    client: Client | None = None

    @property
    def is_member(self) -> bool:
        """Of an organization: a person in it, or a program of its own; both stand behind its wall."""
        return self.kind in ("person", "service")

    def acting(self, role: str | None) -> Actor:
        """As events name it, with its role as it is."""
        return Actor.model_validate(
            {"kind": self.kind, "id": self.id, "role": role, "organization_id": self.organization_id}
        )


class Access(Protocol):
    def admit(self, command: "Command", caller: Caller, store: Store) -> Actor: ...


class Command(Value):
    """A wish, in the imperative. ACCESS says who may have it."""

    ACCESS: ClassVar[Access]


class OfAttempt(Command):
    """A command about one attempt at one training job."""

    job_id: UUID
    attempt: Count


@dataclass(frozen=True)
class Anyone:
    """Nobody need be known; the actor is the person whom the command is about."""

    person: str

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        return Actor(kind="person", id=getattr(command, self.person))


@dataclass(frozen=True)
class Unnamed:
    """Somebody who has not shown who they are, and is named nowhere: the platform notes it."""

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        return Actor(kind="system", id=SYSTEM, role="platform")


@dataclass(frozen=True)
class Oneself:
    """A known person, also one who still waits for approval.

    `unproven`: also one of whom the organization asks a second factor that is not there yet.
    """

    unproven: bool = False
    while_closed: WhileClosed = WhileClosed.NOBODY

    def role(self, caller: Caller, store: Store) -> Role | None:
        """None while it waits. Raises Forbidden, Unauthenticated."""
        return role_of(caller, store, self.while_closed)

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        return self.let(caller, store)

    def let(self, caller: Caller, store: Store) -> Actor:
        in_person(caller)
        role = self.role(caller, store)
        if not self.unproven:
            must_have_second_factor(caller, store)
        return caller.acting(role)


@dataclass(frozen=True)
class May:
    """A member whose role has the permission; `on` names the thing, whose owner counts where reach is `own`.

    What the role does not reach, a place in the thing or in its project may allow.
    `unverified`: also one whose address is not verified yet, who else reads and does no more.
    """

    permission: Permission
    on: type[Aggregate] | None = None
    field: str = ""
    while_closed: WhileClosed = WhileClosed.NOBODY
    unverified: bool = False

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        actor = self.let(caller, store, getattr(command, self.field) if self.on else None)
        if not self.unverified:
            must_be_able_to_write(caller, store)
        return actor

    def let(self, caller: Caller, store: Store, target: UUID | None) -> Actor:
        """Raises Forbidden, Unauthenticated, NotFound."""
        if self.on is None or target is None:
            role = demand(caller, store, self.permission, caller.id, while_closed=self.while_closed)
        else:
            store.look_ahead(target, *_looked_at(caller))
            thing = store.get(self.on, target)
            owner = getattr(thing, "owner_id", None)
            within = self.shared(thing, store)
            role = demand(caller, store, self.permission, owner, within, while_closed=self.while_closed)
        return caller.acting(role)

    def shared(self, thing: Aggregate, store: Store) -> Shared[Any] | None:
        """That in which a place may allow what the role does not."""
        if isinstance(thing, Shared):
            return thing
        if isinstance(thing, Invitation):
            return store.find(*thing.within) if thing.within else None
        project_id: UUID | None = getattr(thing, "project_id", None)
        return store.find(Project, project_id) if project_id else None


@dataclass(frozen=True)
class Worker:
    """A worker of the job's framework; with `own`, only the one whose token is good for job and attempt."""

    own: bool = True

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        if caller.kind != "worker":
            raise Forbidden("only a worker may do this")
        assert isinstance(command, OfAttempt), "workers act on attempts only"
        job = store.get(TrainingJob, command.job_id)
        if caller.framework != (needed := job.recipe.framework):
            raise Forbidden(f"this worker's credential is for {caller.framework}, the job is for {needed}")
        if self.own and (caller.job_id, caller.attempt) != (command.job_id, command.attempt):
            raise Forbidden("this token is good for another job or attempt")
        if job.status not in OVER:  # whoever asks for one that is over is told that, and asks no more
            must_be_heard_of(job, store)
        return Actor(kind="worker", id=caller.id, role=caller.framework, organization_id=job.organization_id)


@dataclass(frozen=True)
class Platform:
    """The platform itself, reacting to what happened."""

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        if caller.kind != "system":
            raise Forbidden("only the platform itself may do this")
        return Actor(kind="system", id=caller.id, role="platform")


@dataclass(frozen=True)
class Operator:
    """Whom the host named an operator of the platform."""

    def admit(self, command: Command, caller: Caller, store: Store) -> Actor:
        must_be_operator(caller, store)
        must_be_able_to_write(caller, store)
        return caller.acting(OPERATOR)


def must_be_operator(caller: Caller, store: Store) -> None:
    """Raises Forbidden, Unauthenticated."""
    in_person(caller)
    role_of(caller, store)
    must_have_second_factor(caller, store)
    if not store.get(Person, caller.id).operator:
        raise Forbidden("this is for operators of the platform, whom its host names (`vistory operator add PERSON`)")


def must_be_able_to_write(who: Caller | Actor, store: Store) -> None:
    """Raises AddressIsNotVerified for a person whose address is not, and for an API token of one."""
    if who.kind == "person":
        must_be_verified(who.id, store)


def in_person(caller: Caller) -> None:
    """Raises Forbidden for an API token, whatever its scopes."""
    if caller.scopes is not None:
        raise Forbidden("this is for people who sign in themselves, not for API tokens")


def _must_be_in_scope(caller: Caller, scope: Scope | None) -> None:
    if caller.scopes is None:
        return
    if scope is None:
        return in_person(caller)
    if scope not in caller.scopes:
        raise Forbidden(f"this API token lacks the scope {scope}; it has {', '.join(sorted(caller.scopes))}")


def role_of(caller: Caller, store: Store, while_closed: WhileClosed = WhileClosed.NOBODY) -> Role | None:
    """The caller's role in its organization at this moment; None while it waits. Raises Forbidden, Unauthenticated."""
    if not caller.is_member or caller.organization_id is None:
        raise Unauthenticated("sign in first")
    store.look_ahead(*_looked_at(caller))
    if caller.kind == "service":
        role: Role | None = role_of_service(store.find(ServiceAccount, caller.id))
    else:
        role = role_of_person(store.find(Membership, membership_id(caller.organization_id, caller.id)))
    must_go_on(caller.session_id, caller.token_id, store)
    signed_in = caller.kind == "person" and caller.scopes is None
    if not (signed_in and while_closed.lets(role)):
        must_be_open(caller.organization_id, store, to_admin=signed_in and role is Role.ADMIN)
    return role


def _looked_at(caller: Caller) -> Iterator[UUID]:
    """In whatever a member asks for: what it is in its organization, whether that is closed, what it asks, whether the
    member has that, and whether the session or the API token goes on.
    """
    if caller.is_member and caller.organization_id is not None:
        is_service = caller.kind == "service"
        yield caller.id if is_service else membership_id(caller.organization_id, caller.id)
        yield closure_id(caller.organization_id)
        yield security_policy_id(caller.organization_id)
        if not is_service:
            yield second_factor_id(caller.id)
        yield from filter(None, (caller.session_id, caller.token_id))


def must_have_second_factor(caller: Caller, store: Store) -> None:
    """Where the organization asks people for one; for an API token, its owner. Raises SecondFactorIsRequired."""
    assert caller.organization_id is not None, "whoever has a role has it in an organization"
    if caller.kind == "person":
        must_have_what_is_required(caller.id, caller.organization_id, store)


def demand(
    caller: Caller,
    store: Store,
    permission: Permission,
    owner: UUID | None,
    within: Shared[Any] | None = None,
    *,
    scope: Scope | None = None,
    while_closed: WhileClosed = WhileClosed.NOBODY,
) -> Role:
    """Raises Forbidden unless the caller's role reaches a thing of this owner, or its place `within` something does.

    An API token needs the permission's scope, too, or `scope` in its stead.
    """
    _must_be_in_scope(caller, scope or scope_of(permission))
    role = role_of(caller, store, while_closed)
    must_have_second_factor(caller, store)
    if role is None:
        raise Forbidden("your membership waits for approval by an admin of the organization")
    far = reach(role, permission)
    if far is Reach.ANY or (far is Reach.OWN and owner == caller.id):
        return role
    if within is not None and within.lets(caller.id, permission):
        return role
    whose = " on what is not yours" if far is Reach.OWN else ""
    raise Forbidden(f"the role {role} does not include {permission}{whose}", permission)
