"""Which place on the bus each downstream system has, and up to where it has acknowledged, as the bus may be lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.service_account import BusIsFull, Since
from infra.nats_users import PLACES, subscriber
from infra.streams import Durable

MOST_UNACKNOWLEDGED: Final = 1_000
_ALL: Final = "SELECT place, service_account_id, organization_id, position FROM work.subscribers"


class Subscriber(NamedTuple):
    """`position` is that of the last event before which it has acknowledged all."""

    place: int
    service_account_id: UUID
    organization_id: UUID
    position: int

    @property
    def name(self) -> str:
        return subscriber(self.place)

    @property
    def hears(self) -> str:
        """The subjects that its organization's events have."""
        return f"vistory.events.{self.organization_id}.>"

    @property
    def durable(self) -> Durable:
        return Durable(self.name, (self.hears,), self.position + 1, MOST_UNACKNOWLEDGED)


@dataclass(frozen=True)
class Subscribers:
    pool: ConnectionPool
    places: int = PLACES

    def take(self, organization_id: UUID, service_account_id: UUID, since: Since) -> None:
        """One that has a place keeps it, and goes on where it was. Raises BusIsFull."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute("LOCK TABLE work.subscribers IN SHARE ROW EXCLUSIVE MODE")
            taken = {place: account for place, account, *_ in connection.execute(_ALL)}
            if service_account_id in taken.values():
                return
            free = next((place for place in range(1, self.places + 1) if place not in taken), None)
            if free is None:
                raise BusIsFull(f"the bus has {self.places} places for subscribers, and all are taken; end one first")
            head = "(SELECT position FROM ledger.head)" if since is Since.NOW else "0"
            connection.execute(
                f"INSERT INTO work.subscribers VALUES (%s, %s, %s, {head})", (free, service_account_id, organization_id)
            )

    def all(self) -> Sequence[Subscriber]:
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Subscriber)) as cursor:
            return cursor.execute(f"{_ALL} ORDER BY place").fetchall()

    def of(self, service_account_id: UUID) -> Subscriber | None:
        return next((each for each in self.all() if each.service_account_id == service_account_id), None)

    def note(self, place: int, position: int) -> None:
        """Up to where the subscriber has acknowledged; it never goes back."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE work.subscribers SET position = greatest(position, %s) WHERE place = %s",
                (position, place),
            )

    def free(self, place: int) -> None:
        with self.pool.connection() as connection:
            connection.execute("DELETE FROM work.subscribers WHERE place = %s", (place,))
