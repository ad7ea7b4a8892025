"""One command's view of the store: what it reads is asserted, what it changes is one append."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.ports import Accepted
from domain import EVENTS
from domain.errors import Conflict, Invalid, KeyReused, NotFound
from domain.membership import Membership, membership_id
from domain.model import OPERATOR, PLATFORM, Actor, Aggregate, Envelope, Event
from domain.organization import Organization
from domain.person import Person
from domain.roles import Role
from infra import tracing
from infra.known import Known, good_until
from infra.ledger import NOW, Append, Ledger, Verdict
from infra.mapper import Mapper, StateTooLarge, Stored, personal_fields

A = TypeVar("A", bound=Aggregate)
MOST_AT_ONCE: Final = 1_000


@dataclass(frozen=True)
class Errand:
    """What is known of a command beside itself: who brings it, when, and what it belongs to.

    `fingerprint` is of what was asked under an id that may come again; None where the id was minted for this once.
    """

    caller: Caller
    now: datetime
    command_id: UUID
    fingerprint: bytes | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    traceparent: str | None = None

    def because_of(self, cause: Envelope) -> "Errand":
        """For the sake of an event, to whose story it belongs."""
        return replace(self, correlation=cause.correlation, causation=cause.event)


class _Beginning(NamedTuple):
    """What is known of an aggregate, until when that is good, and the first page of what happened since."""

    begun: float
    until: float | None
    aggregate: Aggregate | None
    page: Sequence[Stored]


@dataclass
class Unit:
    """The Store port of one command; `upto` a position, it sees what was there then, and knows of nothing since."""

    ledger: Ledger
    mapper: Mapper
    errand: Errand
    actor: Actor | None = None
    known: Known = field(default_factory=Known)
    upto: int = NOW
    sides: list[Mapping[str, Any]] = field(default_factory=list)
    _seen: dict[UUID, tuple[Aggregate | None, int]] = field(default_factory=dict)
    _ahead: dict[UUID, "_Beginning"] = field(default_factory=dict)

    def find(self, kind: type[A], id: UUID) -> A | None:
        seen = self._seen.get(id)
        if seen is None:
            aggregate = self._load(id)
            seen = self._seen[id] = (aggregate, aggregate.version if aggregate else 0)
        found = seen[0]
        return found if isinstance(found, kind) and self._inside(found) else None

    def get(self, kind: type[A], id: UUID) -> A:
        found = self.find(kind, id)
        if found is None:
            raise NotFound(f"there is no {kind.TOPIC.replace('_', ' ')} {id}")
        return found

    def is_verified(self, person_id: UUID) -> bool:
        """Once it is so it stays so; nothing else of a person is known without being read."""
        if self.upto == NOW and self.known.is_verified(person_id):
            return True
        person = self.find(Person, person_id)
        if person is None or not person.verified:
            return False
        if self.upto == NOW:
            self.known.note_verified(person_id)
        return True

    def look_ahead(self, *ids: UUID) -> None:
        new = [id for id in dict.fromkeys(ids) if id not in self._seen and id not in self._ahead]
        if not new:
            return
        begun = time.monotonic()
        known = {id: self.known.get(id) or (None, None) for id in new}
        versions = {id: aggregate.version if aggregate else 0 for id, (_, aggregate) in known.items()}
        for id, page in self.ledger.events_of_each(versions, MOST_AT_ONCE, self.upto).items():
            until, aggregate = known[id]
            self._ahead[id] = _Beginning(begun, until, aggregate, page)

    def save(self, first: Aggregate, *others: Aggregate, on_behalf_of: Mapping[UUID, UUID] | None = None) -> Accepted:
        events = [(a, event) for a in (first, *others) for event in a.collect_events()]
        written = {event.originator_id for _, event in events}
        reads = [(id, version) for id, (_, version) in self._seen.items() if id not in written]
        rights = on_behalf_of or {}
        try:
            stored = [self.mapper.encode(_as_event(event), self._envelope(a, event, rights)) for a, event in events]
        except StateTooLarge as error:
            raise Invalid(str(error)) from error
        return self._append(first.id, stored, reads)

    def note(self, id: UUID) -> Accepted:
        return self._append(id, [], [(read, version) for read, (_, version) in self._seen.items()])

    def _append(self, id: UUID, stored: Sequence[Stored], reads: Sequence[tuple[UUID, int]]) -> Accepted:
        append = Append(
            self.errand.command_id, self.errand.fingerprint or b"", {"id": str(id)}, stored, reads, self.sides
        )
        with tracing.span("append", events=len(stored)):
            (verdict,) = self.ledger.append([append])
        return self.answer(verdict)

    def answer(self, verdict: Verdict) -> Accepted:
        """What a verdict means to whoever asked. Raises Conflict, KeyReused, Invalid."""
        if verdict.verdict in ("conflict", "taken"):
            raise Conflict("somebody else changed this at the same moment; try again")
        if verdict.verdict == "too_large":
            raise Invalid("this is more than one event can hold")
        if verdict.verdict == "repeated" and verdict.fingerprint != (self.errand.fingerprint or b""):
            raise KeyReused("this idempotency key was used before, with another request")
        return Accepted(
            id=UUID(verdict.result["id"]),
            ledger=self.mapper.ledger,
            position=verdict.position,
            chain=bytes(verdict.chain).hex(),
        )

    def _load(self, id: UUID) -> Aggregate | None:
        """As it is now: what is known of it, and every event since. What is about a person is never remembered."""
        if id not in self._ahead:
            self.look_ahead(id)
        begun, until, aggregate, page = self._ahead.pop(id)
        topics = set[str]()
        for stored in self._news(id, page):
            event, _ = self.mapper.decode(stored)
            aggregate = event.mutate(aggregate)
            topics.add(stored.topic)
        if aggregate is not None and topics:
            if any(personal_fields(EVENTS[topic]) for topic in topics):
                self.known.forget(id)
            else:
                self.known.keep(aggregate, until or good_until(begun))
        return aggregate

    def _news(self, id: UUID, page: Sequence[Stored]) -> Iterator[Stored]:
        """From its first page on; so many at once that the longest history takes no more memory than a short one."""
        yield from page
        while len(page) == MOST_AT_ONCE:
            page = self.ledger.events_of(id, page[-1].originator_version, MOST_AT_ONCE, self.upto)
            yield from page

    def _inside(self, aggregate: Aggregate) -> bool:
        """Organizations are walls: a member sees the platform's things, and of its own organization what is shown."""
        caller = self.errand.caller
        if not caller.is_member:
            return True
        if aggregate.organization not in (None, caller.organization_id):
            is_operator = self.actor is not None and self.actor.role == OPERATOR
            return is_operator and isinstance(aggregate, Organization)
        if aggregate.shown_as is not None and self.find(*aggregate.shown_as) is None:
            return False
        return aggregate.shown_to(caller.id) or self._is_admin(caller)

    def _is_admin(self, caller: Caller) -> bool:
        assert caller.organization_id is not None, "what is private is inside an organization"
        membership = self.find(Membership, membership_id(caller.organization_id, caller.id))
        return membership is not None and membership.active and membership.role is Role.ADMIN

    def _envelope(self, aggregate: Aggregate, event: Any, on_behalf_of: Mapping[UUID, UUID]) -> Envelope:
        assert self.actor is not None, "authorization names the actor before anything is saved"
        errand = self.errand
        return Envelope(
            schema_version=EVENTS[event.TOPIC].SCHEMA_VERSION,
            event=uuid7(),
            ledger=self.mapper.ledger,
            organization=aggregate.organization or PLATFORM,
            actor=self.actor,
            on_behalf_of=on_behalf_of.get(aggregate.id),
            command=errand.command_id,
            correlation=errand.correlation or errand.command_id,
            causation=errand.causation,
            traceparent=errand.traceparent,
            context=errand.caller.client if self.actor.kind == "person" else None,
            decided_at=errand.now,
        )


def _as_event(event: Any) -> Event:
    assert isinstance(event, Event), "every aggregate's events are ours"
    return event
