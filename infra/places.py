"""How many trainings each organization runs at once: a place is taken at the claim, and free when the training is over.

What is over is read from the ledger itself, so that no read model and no bus has to be there.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.training import OVER, OrganizationIsBusy, Status
from infra.job_states import STATUS

# A claim that took its place and was not recorded in that time has failed.
CLAIMED_WITHIN: Final = 10.0
_TAKEN: Final = """
    SELECT p.job_id, p.taken_at > now() - make_interval(secs => %s), last.topic FROM work.places p, LATERAL (
        SELECT topic FROM ledger.events
        WHERE originator_id = p.job_id AND topic = ANY(%s) ORDER BY originator_version DESC LIMIT 1) last
    WHERE p.organization_id = %s
"""


@dataclass(frozen=True)
class Places:
    pool: ConnectionPool
    limit: int

    def take(self, organization_id: UUID, job_id: UUID) -> None:
        """The same place once more is no second one. Raises OrganizationIsBusy."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"places {organization_id}",))
            held, over = self._held(connection, organization_id)
            if len(held - {job_id}) >= self.limit:
                raise OrganizationIsBusy(self.words)
            connection.execute("DELETE FROM work.places WHERE job_id = ANY(%s)", (list(over),))
            connection.execute(
                "INSERT INTO work.places (job_id, organization_id) VALUES (%s, %s)"
                " ON CONFLICT (job_id) DO UPDATE SET taken_at = now()",
                (job_id, organization_id),
            )

    def why_waiting(self, organization_id: UUID) -> str | None:
        """What keeps every other training of the organization from its beginning, if anything does."""
        with self.pool.connection() as connection:
            held, _ = self._held(connection, organization_id)
            return self.words if len(held) >= self.limit else None

    @property
    def words(self) -> str:
        running = "one training" if self.limit == 1 else f"{self.limit} trainings"
        return f"the organization runs {running}, as many as it may at once; this one waits until a place is free"

    def _held(self, connection: Connection, organization_id: UUID) -> tuple[set[UUID], set[UUID]]:
        """The jobs that hold a place, and those that left theirs."""
        asked = (CLAIMED_WITHIN, list(STATUS), organization_id)
        rows = [(job, fresh, STATUS[topic]) for job, fresh, topic in connection.execute(_TAKEN, asked)]
        over = {job for job, _, status in rows if status in OVER}
        return {job for job, fresh, status in rows if fresh or status is not Status.QUEUED} - over, over
