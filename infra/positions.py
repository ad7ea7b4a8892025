"""What consumers remember of themselves in PostgreSQL: how far each is, and which events a reaction has behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg_pool import ConnectionPool


@dataclass(frozen=True)
class DoneSet:
    """Which events a reaction has behind it, so that one that comes again does nothing."""

    pool: ConnectionPool

    def has(self, consumer: str, position: int) -> bool:
        with self.pool.connection() as connection:
            return (
                connection.execute(
                    "SELECT 1 FROM work.done WHERE consumer = %s AND position = %s", (consumer, position)
                ).fetchone()
                is not None
            )

    def add(self, consumer: str, position: int) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.done (consumer, position) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (consumer, position),
            )


@dataclass(frozen=True)
class Positions:
    """How far each consumer is, and what keeps it from going on."""

    pool: ConnectionPool

    def of(self, consumer: str) -> int:
        with self.pool.connection() as connection:
            row = connection.execute("SELECT position FROM work.positions WHERE consumer = %s", (consumer,)).fetchone()
        return row[0] if row else 0

    def note(self, consumer: str, stream: str, position: int, stopped: str | None = None) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.positions (consumer, stream, position, stopped) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (consumer) DO UPDATE SET position = excluded.position,"
                " stopped = excluded.stopped, moved_at = now()",
                (consumer, stream, position, stopped),
            )

    def note_all(self, consumers: Sequence[str], stream: str, position: int) -> None:
        """All of them are there, and nothing keeps them from going on."""
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.positions (consumer, stream, position)"
                " SELECT name, %s, %s FROM unnest(%s::text[]) AS name ORDER BY name"
                " ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, stopped = NULL, moved_at = now()",
                (stream, position, list(consumers)),
            )

    def stop(self, consumer: str, stream: str, reason: str) -> None:
        """What keeps it from going on; it stays where it is."""
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.positions (consumer, stream, position, stopped) VALUES (%s, %s, 0, %s)"
                " ON CONFLICT (consumer) DO UPDATE SET stopped = excluded.stopped",
                (consumer, stream, reason),
            )

    def go_on(self, consumer: str) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE work.positions SET stopped = NULL WHERE consumer = %s AND stopped IS NOT NULL", (consumer,)
            )

    def advance(self, consumer: str, stream: str, position: int) -> None:
        """Never backwards; what stopped it stays until it goes on."""
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.positions AS known (consumer, stream, position) VALUES (%s, %s, %s)"
                " ON CONFLICT (consumer) DO UPDATE SET position = greatest(known.position, excluded.position),"
                " moved_at = now()",
                (consumer, stream, position),
            )
