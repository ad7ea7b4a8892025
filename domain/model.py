"""Where pydantic meets the eventsourcing library: events, aggregates, and who did what when."""

from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from eventsourcing.utils import resolve_topic
from pydantic import field_validator

from domain.values import Count, Line, Personal, Value, Word

PLATFORM: Final = "platform"
OPERATOR: Final = "operator"
"""The role of whoever acts on any organization as such, and on nothing in it."""
SYSTEM: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The id under which the platform itself acts."""
REMEMBERED: Final = 10_000
"""How many ids that are made of others are kept: a request needs the same ones several times."""


class Event(Value, CanMutateAggregate[UUID]):
    """A fact. Its TOPIC is stored for ever; its class may be renamed or moved."""

    SCHEMA_VERSION: ClassVar[int] = 1

    originator_id: UUID
    originator_version: int
    timestamp: datetime

    @classmethod
    def upcast(cls, data: dict[str, Any], schema_version: int) -> dict[str, Any]:
        """Turn data stored under an older schema_version into today's shape."""
        return data

    @staticmethod
    def create_timestamp() -> datetime:
        raise TypeError("the domain has no clock: hand the time in as timestamp=")


class InitialEvent(Event, CanInitAggregate[UUID]):
    """The first fact about an aggregate."""

    originator_topic: str

    def mutate(self, aggregate: Any) -> Any:
        """Begin the aggregate bare and let `apply` fill it; its __init__ is never a rule."""
        assert aggregate is None
        aggregate_class = resolve_topic(self.originator_topic)
        begun = aggregate_class.__new__(aggregate_class)
        begun.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        self.apply(begun)
        return begun


class Aggregate(BaseAggregate[UUID]):
    """What changes as one. `organization` is whose wall it stands behind, or None for the platform."""

    Event = Event
    TOPIC: ClassVar[str]

    @property
    def organization(self) -> UUID | None:
        return getattr(self, "organization_id", None)

    def shown_to(self, person_id: UUID) -> bool:
        """Whether a member of its organization who is no admin may know of it."""
        return True

    @property
    def shown_as(self) -> "tuple[type[Aggregate], UUID] | None":
        """From what it was made, where it is shown to nobody who may not know of that."""
        return None


class Actor(Value):
    """Who acts. The role is the role as it was; a person acts inside one organization."""

    kind: Literal["person", "service", "worker", "system"]
    id: UUID
    role: Word | None = None
    organization_id: UUID | None = None


class Client(Value):
    """Where a request came from."""

    address: Line
    agent: Line


class Envelope(Value):
    """What is stored beside an event's data, set by the server and never by the caller.

    `on_behalf_of` is the person on whose rights it rests, where that is not who acts: who sent the invitation that was
    accepted.
    """

    format: Literal[1] = 1
    schema_version: Count
    event: UUID
    ledger: UUID
    organization: UUID | Literal["platform"]
    actor: Actor
    on_behalf_of: UUID | None = None
    command: UUID
    correlation: UUID
    causation: UUID | None = None
    traceparent: str | None = None
    context: Personal[Client] | None = None
    decided_at: datetime

    @field_validator("decided_at")
    @classmethod
    def _has_a_zone(cls, value: datetime) -> datetime:
        if value.utcoffset() is None:
            raise ValueError("must carry a time zone")
        return value


class Recorded(Value):
    """An event as the ledger holds it: with its envelope, its place, and when it was stored."""

    position: int
    recorded_at: datetime
    topic: str
    event: Event
    envelope: Envelope
