"""What an organization has used up: bytes by what is known to be there, GPU hours by the read model of trainings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UndefinedTable
from psycopg_pool import ConnectionPool
from sqlalchemy.exc import ProgrammingError

from infra.reading import Reading
from projections import attempt


@dataclass(frozen=True)
class Usage:
    pool: ConnectionPool
    reading: Reading

    def stored(self, organization_id: UUID) -> int:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(size), 0)::bigint FROM content.blobs WHERE organization_id = %s AND arrived",
                (organization_id,),
            ).fetchone()
        assert row
        return int(row[0])

    def gpu_hours(self, organization_id: UUID, since: datetime, until: datetime) -> float:
        """None where no read model was ever made: a training need not wait for the first."""
        try:
            with self.reading.transaction() as tx:
                return attempt.gpu_hours(tx, organization_id, since, until)
        except ProgrammingError as error:
            if not isinstance(error.orig, UndefinedTable):
                raise
            return 0.0
