"""Reads telemetry that is kept: the points of each attempt, in objects of one JSON line per point."""

import json
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from psycopg_pool import ConnectionPool


class Blobs(Protocol):
    def read(self, organization_id: UUID, sha256: str) -> bytes: ...


@dataclass(frozen=True)
class Archive:
    pool: ConnectionPool
    blobs: Blobs

    def reaches(self, job_id: UUID, attempt: int) -> int:
        """Up to which number everything is kept; 0 where nothing is."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT max(last) FROM work.archive WHERE job_id = %s AND attempt = %s", (job_id, attempt)
            ).fetchone()
        return (row and row[0]) or 0

    def next_attempt(self, job_id: UUID, attempt: int) -> int | None:
        """The first one after this of which anything is kept; an attempt may end without a word."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT min(attempt) FROM work.archive WHERE job_id = %s AND attempt > %s", (job_id, attempt)
            ).fetchone()
        return row[0] if row else None

    def read(self, job_id: UUID, attempt: int, after: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
        """The points that follow a number, at most so many."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT organization_id, sha256 FROM work.archive WHERE job_id = %s AND attempt = %s AND last > %s"
                " ORDER BY first LIMIT %s",
                (job_id, attempt, after, limit),
            ).fetchall()
        found: list[dict[str, Any]] = []
        for organization_id, sha256 in rows:
            points = map(json.loads, self.blobs.read(organization_id, sha256).splitlines())
            found += [point for point in points if point["n"] > after]
            if len(found) >= limit:
                break
        return found[:limit]
