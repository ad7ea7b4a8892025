"""Which place on the bus each downstream system has, and up to where it has acknowledged, as the bus may be lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.service_account import BusIsFull, SubscriptionStart
from infra.nats_users import PLACES, subscriber
from infra.streams import Durable

MOST_UNACKNOWLEDGED: Final = 1_000
_ALL: Final = "SELECT place, service_account_id, organization_id, position, subscription FROM work.subscribers"


class Subscriber(NamedTuple):
    """`position` is that of the last event before which it has acknowledged all; `subscription` counts how often it
    began in this place.
    """

    place: int
    service_account_id: UUID
    organization_id: UUID
    position: int
    subscription: int = 1

    @property
    def name(self) -> str:
        return subscriber(self.place)

    @property
    def hears(self) -> str:
        """The subjects that its organization's events have."""
        return f"vistory.events.{self.organization_id}.>"

    @property
    def durable(self) -> Durable:
        return Durable(self.name, (self.hears,), self.position + 1, MOST_UNACKNOWLEDGED, self.subscription)


@dataclass(frozen=True)
class Subscribers:
    pool: ConnectionPool
    places: int = PLACES

    def take(self, organization_id: UUID, service_account_id: UUID, since: SubscriptionStart, *, anew: bool) -> None:
        """One that has a place keeps it; it goes on where it was, or begins anew there. Raises BusIsFull."""
        head = "(SELECT position FROM ledger.head)" if since is SubscriptionStart.NOW else "0"
        with self.pool.connection() as connection, connection.transaction():
            connection.execute("LOCK TABLE work.subscribers IN SHARE ROW EXCLUSIVE MODE")
            taken = {place: account for place, account, *_ in connection.execute(_ALL)}
            if service_account_id in taken.values():
                begin = f"subscription = subscription + 1, position = {head} WHERE service_account_id = %s"
                if anew:
                    connection.execute(f"UPDATE work.subscribers SET {begin}", (service_account_id,))
                return
            free = next((place for place in range(1, self.places + 1) if place not in taken), None)
            if free is None:
                raise BusIsFull(f"the bus has {self.places} places for subscribers, and all are taken; end one first")
            connection.execute(
                f"INSERT INTO work.subscribers VALUES (%s, %s, %s, {head}, 1)",
                (free, service_account_id, organization_id),
            )

    def all(self) -> Sequence[Subscriber]:
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Subscriber)) as cursor:
            return cursor.execute(f"{_ALL} ORDER BY place").fetchall()

    def of(self, service_account_id: UUID) -> Subscriber | None:
        return next((each for each in self.all() if each.service_account_id == service_account_id), None)

    def note(self, subscriber: Subscriber, position: int) -> None:
        """Up to where it has acknowledged; it never goes back, and counts no more once another subscription began."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE work.subscribers SET position = greatest(position, %s) WHERE place = %s AND subscription = %s",
                (position, subscriber.place, subscriber.subscription),
            )

    def free(self, subscriber: Subscriber) -> None:
        """Its place, unless another subscription began there."""
        with self.pool.connection() as connection:
            connection.execute(
                "DELETE FROM work.subscribers WHERE place = %s AND subscription = %s",
                (subscriber.place, subscriber.subscription),
            )
