"""Frees what was purged, what uploads left behind and what came for nothing: bytes go once nothing names them.

First nobody is told any more that they are there, and they take no room. Whoever was told before has named them, in the
history or in an upload, long before the hour is over after which they go; whoever names them meanwhile finds them, and
keeps them. Interrupted anywhere, it goes on from there.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from infra import locks
from infra.blobs import Blobs, Received, hold
from infra.named import Named
from infra.reading import Reading
from infra.uploads import Upload
from infra.wiring import Core
from projections import trash
from projections.trash import Thrown

GRACE: Final = timedelta(hours=1)
UNUSED: Final = timedelta(days=7)
AT_ONCE: Final = 1_000
_SUSPECT: Final = """
    INSERT INTO content.leaving (organization_id, sha256)
    SELECT organization_id, sha256 FROM content.blobs WHERE organization_id = %s AND sha256 = ANY(%s)
    ORDER BY sha256 ON CONFLICT (organization_id, sha256)
    DO UPDATE SET due_at = least(leaving.due_at, excluded.due_at) WHERE leaving.since IS NULL
"""
_ACQUIT: Final = "DELETE FROM content.leaving WHERE organization_id = %s AND sha256 = ANY(%s) AND since IS NULL"
_LEAVE: Final = """
    WITH next AS (
        SELECT sha256 FROM content.leaving
        WHERE organization_id = %(of)s AND since IS NULL AND due_at <= %(until)s LIMIT %(most)s
    )
    UPDATE content.leaving l SET since = now() FROM next
    WHERE l.organization_id = %(of)s AND l.sha256 = next.sha256 RETURNING l.sha256
"""
_HIDE: Final = """
    UPDATE content.blobs SET arrived = false, promised_until = NULL WHERE organization_id = %s AND sha256 = ANY(%s)
"""
_IN_DOUBT: Final = """
    SELECT EXISTS (
        SELECT FROM content.leaving WHERE organization_id = %s AND since IS NULL AND due_at <= %s
    )
"""
# Of each dataset the last committed one stays: whoever pushes the same folder again sends nothing.
_ENDED: Final = """
    SELECT u.id, u.organization_id, u.dataset_id FROM content.uploads u
    WHERE u.dropped_at IS NOT NULL OR u.used_at < now() - %s AND (
        u.committed_at IS NULL OR EXISTS (
            SELECT FROM content.uploads o WHERE o.dataset_id = u.dataset_id AND o.committed_at > u.committed_at
            AND o.dropped_at IS NULL
        )
    )
"""
_DROP: Final = "DELETE FROM content.uploads WHERE id = %s AND (dropped_at IS NOT NULL OR used_at < now() - %s)"
_FORGET: Final = """
    DELETE FROM content.blobs WHERE organization_id = %s AND sha256 = ANY(%s)
    AND (awaited_until IS NULL OR awaited_until < now())
"""
_GONE: Final = "DELETE FROM content.{} WHERE organization_id = %s AND sha256 = ANY(%s)"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trash:
    blobs: Blobs
    named: Named
    reading: Reading
    grace: timedelta = GRACE

    @classmethod
    def of(cls, core: Core, reading: Reading, blobs: Blobs, grace: timedelta = GRACE) -> Self:
        return cls(blobs, Named(blobs, core.store, core.mapper, reading), reading, grace)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process is at it."""
        with self.blobs.pool.connection() as connection, connection.transaction():
            row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (locks.PURGE,)).fetchone()
            yield bool(row and row[0])

    def waiting(self) -> list[Thrown]:
        """What was purged and is not freed."""
        purged: list[Thrown] = self.reading.ask(trash.list_purged, [])
        with self.blobs.pool.connection() as connection:
            query = "SELECT id FROM content.purges WHERE id = ANY(%s)"
            done = {id for (id,) in connection.execute(query, ([each.id for each in purged],))}
        return [each for each in purged if each.id not in done]

    def free(self, thrown: Thrown) -> None:
        """What it named and nobody else does takes no room from now on. Raises NotThereYet."""
        of = thrown.organization_id
        with self.blobs.pool.connection() as connection:
            for some in self.named.by(thrown):
                connection.execute(_SUSPECT, (of, _bytes(some)))
        self._forget(thrown)
        self.look_up(of)
        with self.blobs.pool.connection() as connection:
            query = "INSERT INTO content.purges (id, organization_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
            connection.execute(query, (thrown.id, of))

    def ended(self) -> list[Upload]:
        """Uploads that somebody dropped, or that nobody used for a week."""
        with self.blobs.pool.connection() as connection:
            rows = connection.execute(_ENDED, (UNUSED,)).fetchall()
        return [Upload(id, of, dataset_id, None) for id, of, dataset_id in rows]

    def drop(self, upload: Upload) -> None:
        """It, and what it alone names; not if somebody has used it meanwhile."""
        with self.blobs.pool.connection() as connection:
            for some in self.named.by_upload(upload):
                connection.execute(_SUSPECT, (upload.organization_id, _bytes(some)))
        with self.blobs.pool.connection() as connection:
            connection.execute(_DROP, (upload.id, UNUSED))

    def in_doubt(self) -> list[UUID]:
        """Organizations that have what perhaps nothing names."""
        with self.blobs.pool.connection() as connection:
            query = "SELECT DISTINCT organization_id FROM content.leaving WHERE since IS NULL AND due_at <= now()"
            return [id for (id,) in connection.execute(query)]

    def look_up(self, of: UUID) -> None:
        """What is in doubt and named by nothing takes no room from now on. Raises NotThereYet, ObjectIsMissing."""
        with self.blobs.pool.connection() as connection:
            (until,) = connection.execute("SELECT now()").fetchone() or (None,)
        with self.blobs.pool.connection() as connection, closing(self.named.by_all(of)) as named:
            while connection.execute(_IN_DOUBT, (of, until)).fetchone() == (True,) and (some := next(named, None)):
                connection.execute(_ACQUIT, (of, _bytes(some)))
        while self._send_away(of, until):
            pass

    def _forget(self, thrown: Thrown) -> None:
        """What is kept of it beside the history; and uploads that were begun as another was purged."""
        jobs: list[UUID] = self.reading.ask(lambda tx: trash.list_jobs_of(tx, thrown.id), [])
        with self.blobs.pool.connection() as connection:
            connection.execute(
                "DELETE FROM content.uploads WHERE dataset_id = %s OR dataset_id IN (SELECT id FROM content.purges)",
                (thrown.id,),
            )
            connection.execute("DELETE FROM work.archive WHERE job_id = ANY(%s)", (jobs,))

    def _send_away(self, organization_id: UUID, until: datetime | None) -> int:
        with self.blobs.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            rows = connection.execute(_LEAVE, {"of": organization_id, "until": until, "most": AT_ONCE}).fetchall()
            connection.execute(_HIDE, (organization_id, [sha256 for (sha256,) in rows]))
            return len(rows)

    def sweep(self) -> int:
        """Deletes what has been on its way for the time of grace. Answers how many. Raises NotThereYet."""
        with self.blobs.pool.connection() as connection:
            query = "SELECT organization_id, max(since) FROM content.leaving WHERE since < now() - %s GROUP BY 1"
            due = connection.execute(query, (self.grace,)).fetchall()
        return sum(self._sweep(organization_id, until) for organization_id, until in due)

    def _sweep(self, organization_id: UUID, until: datetime) -> int:
        for some in self.named.by_all(organization_id):
            self._take_back(organization_id, until, some)
        deleted = 0
        while gone := self._delete(organization_id, until):
            deleted += gone
        return deleted

    def _take_back(self, organization_id: UUID, until: datetime, named: Sequence[str]) -> None:
        """Those of the named ones that were on their way stay."""
        with self.blobs.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex') FROM content.leaving"
                " WHERE organization_id = %s AND since <= %s AND sha256 = ANY(%s)",
                (organization_id, until, _bytes(named)),
            ).fetchall()
        staying = [sha256 for (sha256,) in rows]
        sizes = self.blobs.objects.sizes(organization_id, staying)
        self.blobs.receive(organization_id, [Received(sha256, size) for sha256, size in sizes.items()], named=True)
        with self.blobs.pool.connection() as connection:
            connection.execute(_GONE.format("leaving").encode(), (organization_id, _bytes(staying)))

    def _delete(self, organization_id: UUID, until: datetime) -> int:
        """Nobody can be told meanwhile that they are there, and whoever looked looks again."""
        with self.blobs.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            rows = connection.execute(
                "SELECT sha256 FROM content.leaving WHERE organization_id = %s AND since <= %s LIMIT %s",
                (organization_id, until, AT_ONCE),
            ).fetchall()
            going = [sha256 for (sha256,) in rows]
            self.blobs.objects.delete(organization_id, [sha256.hex() for sha256 in going])
            connection.execute(_FORGET, (organization_id, going))
            for table in ("pages", "leaving"):
                connection.execute(_GONE.format(table).encode(), (organization_id, going))
            connection.execute(
                "UPDATE content.room SET sweeps = sweeps + 1 WHERE organization_id = %s", (organization_id,)
            )
            return len(going)


def _bytes(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in hashes]
