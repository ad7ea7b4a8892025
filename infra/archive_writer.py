"""Writes the archive of telemetry: the points of each attempt in objects by hash, without gaps from number 1 on.

An object holds one point per line, as JSON, in the order of their numbers; the rows say which numbers it holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from psycopg_pool import ConnectionPool

from infra.leases import Key
from infra.streams import TELEMETRY

CONSUMER: Final = "telemetry-archive"
Point = Mapping[str, Any]
_MOVE: Final = """
    INSERT INTO work.positions AS known (consumer, stream, position) VALUES (%s, %s, %s)
    ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, stopped = NULL, moved_at = now()
    WHERE known.position = %s
"""


class Overtaken(Exception):
    """Another process read the stream on from the same place; what this one collected is not to be written."""


class Blobs(Protocol):
    def write(self, organization_id: UUID, data: bytes) -> str:
        """The hash; durable when this returns."""
        ...


class Chunk(NamedTuple):
    job_id: UUID
    attempt: int
    first: int
    last: int
    organization_id: UUID
    sha256: str


@dataclass(frozen=True)
class ArchiveWriter:
    pool: ConnectionPool
    blobs: Blobs

    def last(self, key: Key) -> int:
        """Up to which number everything is kept; 0 where nothing is."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT max(last) FROM work.archive WHERE job_id = %s AND attempt = %s", tuple(key)
            ).fetchone()
        return (row and row[0]) or 0

    def keep(self, organization_id: UUID, key: Key, points: Sequence[Point]) -> Chunk | None:
        """Write what follows without a gap on what is kept already; None where that is nothing."""
        wanted = following(self.last(key), points)
        if not wanted:
            return None
        lines = b"".join(json.dumps(point, ensure_ascii=False).encode() + b"\n" for point in wanted)
        return Chunk(*key, wanted[0]["n"], wanted[-1]["n"], organization_id, self.blobs.write(organization_id, lines))

    def record(self, chunks: Iterable[Chunk], before: int, position: int) -> None:
        """What was written counts from now on, and the stream was read from `before` up to here: both or neither.

        Raises Overtaken.
        """
        with self.pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(_MOVE, (CONSUMER, TELEMETRY, position, before))
            if cursor.rowcount != 1:
                raise Overtaken(f"the archive is not at {before} any more")
            cursor.executemany(
                "INSERT INTO work.archive (job_id, attempt, first, last, organization_id, sha256)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [tuple(chunk) for chunk in chunks],
            )


def following(after: int, points: Sequence[Point]) -> list[Point]:
    """Each number once, from the next one on, up to the first that is missing."""
    by_number = {point["n"]: point for point in points}
    found: list[Point] = []
    while (n := after + 1 + len(found)) in by_number:
        found.append(by_number[n])
    return found
