"""When the platform last heard of each attempt over HTTP: the way on which a worker is seen while the bus is away."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from psycopg_pool import ConnectionPool

from infra.leases import Key

# Workers ask several times in that time, also where the platform is slow; and a lease lasts longer, or the last words
# of one that is gone would pass for a sign of life.
LATELY: Final = 4.5


@dataclass(frozen=True)
class Heard:
    pool: ConnectionPool

    def note(self, job_id: UUID, attempt: int) -> None:
        """Not worth an fsync: what a crash takes with it is heard again in a moment."""
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.heard (job_id, attempt)"
                " SELECT %s, %s FROM set_config('synchronous_commit', 'off', true)"
                " ON CONFLICT (job_id, attempt) DO UPDATE SET heard_at = now()",
                (job_id, attempt),
            )

    def lately(self, key: Key, within: float = LATELY) -> bool:
        """By the clock of the database alone, which wrote it too."""
        query = "SELECT 1 FROM work.heard WHERE job_id = %s AND attempt = %s AND heard_at > now() - %s"
        with self.pool.connection() as connection:
            return connection.execute(query, (*key, timedelta(seconds=within))).fetchone() is not None
