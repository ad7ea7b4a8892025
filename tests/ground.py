"""A ledger to stand on: migrated, empty, with a hand that writes real events of a project into it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from domain.model import Actor, Envelope, Event
from domain.project import Project
from infra.event_store import EventStore
from infra.ledger import Append, Ledger, Verdict
from infra.mapper import Mapper, Stored
from infra.migrate import migrate
from infra.provision import APP
from tests.doubles import MemoryKeys
from tests.servers import Databases

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ORGANIZATION, ANN = UUID(int=5), UUID(int=1)


@dataclass
class Hand:
    """Writes the history of projects: created, then renamed again and again."""

    ledger: Ledger
    id: UUID

    def __post_init__(self) -> None:
        self._mapper = Mapper(self.id, MemoryKeys())

    def events(self, count: int, words: int = 3) -> list[Stored]:
        project = Project.create(uuid7(), ORGANIZATION, ANN, "digits", "", NOW)
        while project.version < count:
            project.rename(f"{'цифры 🙂 ' * words}{project.version}"[:199], NOW)
        return [self.stored(event) for event in project.pending_events if isinstance(event, Event)]

    def append(self, stored: Sequence[Stored], command: UUID | None = None) -> Verdict:
        id = str(stored[0].originator_id)
        return self.ledger.append([Append(command or uuid7(), b"", {"id": id}, stored)])[0]

    def write(self, count: int, per_command: int = 100) -> None:
        """`count` events, in commands of `per_command`, each on a project of its own."""
        for start in range(0, count, per_command):
            assert self.append(self.events(min(per_command, count - start))).verdict == "accepted"

    def write_large(self, count: int) -> None:
        """Events whose states are as long as a state may be."""
        for _ in range(count):
            (stored,) = self.events(1)
            filled = stored.state.replace(b'"description":""', b'"description":"' + b"x" * 250_000 + b'"')
            assert self.append([stored._replace(state=filled)]).verdict == "accepted"

    def stored(self, event: Event) -> Stored:
        envelope = Envelope(
            schema_version=1,
            event=uuid7(),
            ledger=self.id,
            organization=ORGANIZATION,
            actor=Actor(kind="person", id=ANN, role="admin", organization_id=ORGANIZATION),
            command=uuid7(),
            correlation=uuid7(),
            decided_at=NOW,
        )
        return self._mapper.encode(event, envelope)


@dataclass
class Ground(Hand):
    ledger: EventStore
    databases: Databases


@contextmanager
def ground(databases: Databases, id: UUID | None = None) -> Iterator[Ground]:
    migrate(databases.owner_url, APP, id or uuid7())
    with opened(databases) as found:
        yield found


@contextmanager
def opened(databases: Databases) -> Iterator[Ground]:
    """A ledger that was migrated before."""
    store = EventStore(databases.app_url)
    try:
        yield Ground(store, store.head().ledger, databases)
    finally:
        store.close()


def backend_at_the_door(holder: psycopg.Connection) -> int | None:
    """Of whoever waits to append, in the database of the one who asks."""
    found = holder.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return found[0] if found else None
