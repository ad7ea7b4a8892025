"""What a consumer set aside: rows with a reason, which somebody may send on their way again."""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7


class Due(NamedTuple):
    """Somebody asked for another try."""

    id: UUID
    position: int
    attempts: int
    subject: str
    digest: str


@dataclass(frozen=True)
class Parked:
    pool: ConnectionPool

    def park(self, consumer: str, position: int, subject: str, reason: str, attempts: int, digest: str = "") -> None:
        """The digest is of a message that only the bus has: where its stream is made anew, others get its number.
        Of what is no message, and has position 0, it says which.
        """
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.parked (id, consumer, position, subject, reason, attempts, digest)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (consumer, position, digest) DO UPDATE"
                " SET reason = excluded.reason, attempts = work.parked.attempts + 1, redriven_at = NULL",
                (uuid7(), consumer, position, subject, reason, attempts, digest),
            )

    def listed(self) -> list[dict[str, Any]]:
        """Everything that is set aside, the newest first."""
        with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            return cursor.execute("SELECT * FROM work.parked ORDER BY parked_at DESC, id DESC").fetchall()

    def redrive(self, id: UUID) -> bool:
        """Ask the consumer for another try; whether there is such a row."""
        with self.pool.connection() as connection:
            return bool(connection.execute("UPDATE work.parked SET redriven_at = now() WHERE id = %s", (id,)).rowcount)

    def wanted(self) -> set[str]:
        """The consumers of whom somebody asked another try."""
        with self.pool.connection() as connection:
            rows = connection.execute("SELECT DISTINCT consumer FROM work.parked WHERE redriven_at IS NOT NULL")
            return {consumer for (consumer,) in rows}

    def digests(self, consumer: str) -> list[str]:
        """Of everything that this consumer set aside."""
        with self.pool.connection() as connection:
            rows = connection.execute("SELECT digest FROM work.parked WHERE consumer = %s", (consumer,)).fetchall()
        return [digest for (digest,) in rows]

    def due(self, consumer: str) -> list[Due]:
        with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Due))
            return cursor.execute(
                "SELECT id, position, attempts, subject, digest FROM work.parked"
                " WHERE consumer = %s AND redriven_at IS NOT NULL ORDER BY position",
                (consumer,),
            ).fetchall()

    def withdraw(self, consumer: str, digest: str) -> None:
        """It is wanted no more, whatever it waits for."""
        with self.pool.connection() as connection:
            connection.execute("DELETE FROM work.parked WHERE consumer = %s AND digest = %s", (consumer, digest))

    def settle(self, id: UUID) -> None:
        with self.pool.connection() as connection:
            connection.execute("DELETE FROM work.parked WHERE id = %s", (id,))
