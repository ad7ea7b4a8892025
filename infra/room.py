"""The room that an organization's content takes: what is stored, and what is promised to uploads on their way.

An address to send bytes to is given out for what fits beside both, so that nothing that was let in has to be turned
away later. A promise ends when its bytes have come, or when they were looked for after its time and are not there.
Whoever began to send late may still be sending then: a day later they are looked for once more, and are forgotten.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from infra.blobs import Blobs, Named, Received, hold, stay

# Longer than an address is good for, and than most files take that are sent to one.
PROMISED_FOR: Final = timedelta(minutes=15)
# An address is good for minutes, but a transfer that began in time goes on for as long as it takes.
AWAITED_FOR: Final = timedelta(days=1)
SETTLED_AT_ONCE: Final = 500


class Room(NamedTuple):
    """In bytes, each blob once."""

    stored: int = 0
    promised: int = 0


Judge = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Rooms:
    pool: ConnectionPool
    blobs: Blobs

    def of(self, organization_id: UUID) -> Room:
        with self.pool.connection() as connection:
            return _room(connection, organization_id)

    def promise(self, organization_id: UUID, named: Iterable[Named], judge: Judge) -> None:
        """For none of them if `judge` raises, who hears what is stored, what is promised, and how much is to come."""
        wanted = sorted(named)
        columns = [bytes.fromhex(each.sha256) for each in wanted], [each.size for each in wanted]
        with self.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            promised = _promised(connection, organization_id, columns[0])
            # Each by itself: what is named with less than was promised for it makes no room for others.
            more = sum(max(0, each.size - promised.get(each.sha256, 0)) for each in wanted)
            if more > 0:
                judge(*_room(connection, organization_id), more)
            stay(connection, organization_id, columns[0])
            connection.execute(
                "INSERT INTO content.blobs (organization_id, arrived, promised_until, awaited_until, sha256, size)"
                " SELECT %s, false, now() + %s, now() + %s, * FROM unnest(%s::bytea[], %s::bigint[])"
                " ON CONFLICT (organization_id, sha256) DO UPDATE SET promised_until = excluded.promised_until,"
                " awaited_until = excluded.awaited_until,"
                " size = greatest(blobs.size, excluded.size) WHERE NOT blobs.arrived",
                (organization_id, PROMISED_FOR, AWAITED_FOR, *columns),
            )

    def settle(self) -> int:
        """Looks for what was promised or awaited until now: it is there, or nobody waits for it any more. How many."""
        over = {*self._over("promised_until"), *self._over("awaited_until")}
        return sum(self._settled(organization_id, sha256) for organization_id, sha256 in over)

    def _settled(self, organization_id: UUID, sha256: str) -> bool:
        is_there = self.blobs.looked(organization_id, partial(self._there, organization_id, sha256))
        return bool(is_there) or self._release(organization_id, sha256)

    def _over(self, until: LiteralString) -> list[tuple[UUID, str]]:
        with self.pool.connection() as connection:
            return connection.execute(
                f"SELECT organization_id, encode(sha256, 'hex') FROM content.blobs WHERE {until} < now()"
                f" ORDER BY {until} LIMIT %s",
                (SETTLED_AT_ONCE,),
            ).fetchall()

    def _there(self, organization_id: UUID, sha256: str) -> list[Received]:
        size = self.blobs.objects.size(organization_id, sha256)
        return [] if size is None else [Received(sha256, size)]

    def _release(self, organization_id: UUID, sha256: str) -> bool:
        """Whether there was anything to let go."""
        with self.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            promised = connection.execute(
                "UPDATE content.blobs SET promised_until = NULL"
                " WHERE organization_id = %s AND sha256 = %s AND promised_until < now()",
                (organization_id, bytes.fromhex(sha256)),
            )
            awaited = connection.execute(
                "DELETE FROM content.blobs WHERE organization_id = %s AND sha256 = %s AND NOT arrived"
                " AND promised_until IS NULL AND awaited_until < now()",
                (organization_id, bytes.fromhex(sha256)),
            )
        return bool(promised.rowcount or awaited.rowcount)


def _room(connection: Connection, organization_id: UUID) -> Room:
    query = "SELECT stored, promised FROM content.room WHERE organization_id = %s"
    row = connection.execute(query, (organization_id,)).fetchone()
    return Room(*row) if row else Room()


def _promised(connection: Connection, organization_id: UUID, sha256s: list[bytes]) -> dict[str, int]:
    rows = connection.execute(
        "SELECT encode(sha256, 'hex'), size FROM content.blobs"
        " WHERE organization_id = %s AND sha256 = ANY(%s) AND promised_until IS NOT NULL",
        (organization_id, sha256s),
    )
    return dict(rows)
