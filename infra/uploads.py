"""Upload sessions: what a client says it has, collected until it is committed as one revision."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from commands.ports import Prepared
from domain.errors import Invalid, NotFound, Refused
from infra.blobs import hold

# A million images, each with a label, and as many again.
MOST_FILES: Final = 4_000_000
MOST_OPEN: Final = 100


class UploadsAreMany(Refused):
    """So many were begun into a dataset, and neither committed nor dropped."""


_OPEN: Final = """
    SELECT count(*) FROM content.uploads WHERE dataset_id = %s AND committed_at IS NULL AND dropped_at IS NULL
"""


# Most that are open were broken off, and nobody comes back for them.
_ONE_THAT_WAITS: Final = f"""
    UPDATE content.uploads SET dropped_at = now() WHERE id = (
        SELECT id FROM content.uploads WHERE dataset_id = %s AND committed_at IS NULL AND dropped_at IS NULL
        AND used_at < now() - interval '1 hour' ORDER BY used_at LIMIT 1
    ) AND ({_OPEN.strip()}) >= %s
"""


class Upload(NamedTuple):
    id: UUID
    organization_id: UUID
    dataset_id: UUID
    base: str | None


class UploadedFile(NamedTuple):
    path: str
    sha256: str
    size: int


class State(NamedTuple):
    """How often something was added, and what the files come to where that is known already."""

    version: int
    prepared: Prepared | None


@dataclass(frozen=True)
class Uploads:
    pool: ConnectionPool

    def begin(self, upload: Upload) -> None:
        with self.pool.connection() as connection, connection.transaction():
            hold(connection, upload.organization_id)
            connection.execute(_ONE_THAT_WAITS, (upload.dataset_id, upload.dataset_id, MOST_OPEN))
            (opened,) = connection.execute(_OPEN, (upload.dataset_id,)).fetchone() or (0,)
            if opened >= MOST_OPEN:
                raise UploadsAreMany(
                    f"{opened} uploads into this dataset are open; commit or drop one of them, or wait: "
                    "one that nobody has used for an hour makes room for another"
                )
            connection.execute(
                "INSERT INTO content.uploads (id, organization_id, dataset_id, base) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (id) DO NOTHING",
                upload,
            )

    def get(self, upload_id: UUID, organization_id: UUID, dataset_id: UUID) -> Upload:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT id, organization_id, dataset_id, base FROM content.uploads"
                " WHERE id = %s AND organization_id = %s AND dataset_id = %s AND dropped_at IS NULL",
                (upload_id, organization_id, dataset_id),
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no upload {upload_id} into this dataset")
        return Upload(*row)

    def is_over(self, upload_id: UUID) -> bool:
        """Dropped, or gone altogether."""
        query = "SELECT FROM content.uploads WHERE id = %s AND dropped_at IS NULL"
        with self.pool.connection() as connection:
            return connection.execute(query, (upload_id,)).fetchone() is None

    def add(self, upload_id: UUID, files: Iterable[UploadedFile]) -> None:
        """A path that was named before gets its new content. Raises Invalid where there are too many, or NotFound."""
        rows = {file.path: file for file in files}
        columns = list(rows), [bytes.fromhex(f.sha256) for f in rows.values()], [f.size for f in rows.values()]
        with self.pool.connection() as connection, connection.transaction():
            # From here on it cannot end before this is over.
            found = connection.execute(
                "UPDATE content.uploads SET version = version + 1, prepared = NULL, used_at = now()"
                " WHERE id = %s AND dropped_at IS NULL RETURNING id",
                (upload_id,),
            ).fetchone()
            if found is None:
                raise NotFound(f"there is no upload {upload_id}")
            inserted = connection.execute(
                "INSERT INTO content.upload_files (upload_id, path, sha256, size)"
                " SELECT %s, * FROM unnest(%s::text[], %s::bytea[], %s::bigint[])"
                " ON CONFLICT (upload_id, path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size"
                " RETURNING xmax = 0",  # true of a row that was inserted: nobody has replaced or locked it yet
                (upload_id, *columns),
            )
            new = sum(is_new for (is_new,) in inserted)
            (named,) = connection.execute(
                "UPDATE content.uploads SET files = files + %s WHERE id = %s RETURNING files", (new, upload_id)
            ).fetchone() or (0,)
            if named > MOST_FILES:
                raise Invalid(f"an upload may name {MOST_FILES:,} files at most; bring the rest in by another one")

    def files(self, upload_id: UUID) -> Iterator[UploadedFile]:
        """Every one in order of path, some thousand at a time in memory."""
        query = "SELECT path, encode(sha256, 'hex'), size FROM content.upload_files WHERE upload_id = %s ORDER BY path"
        with (
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor(f"files-{upload_id}") as cursor,
        ):
            cursor.itersize = 5_000
            cursor.execute(query, (upload_id,))
            yield from map(UploadedFile._make, cursor)

    def listing(self, upload_id: UUID, code: str) -> bytes:
        """A hash of every path and its content, as this code reads them."""
        told = sha256(code.encode())
        for file in self.files(upload_id):
            told.update(f"\n{file.sha256} {file.path}".encode())
        return told.digest()

    def earlier(self, dataset_id: UUID, listing: bytes) -> Prepared | None:
        """What an upload into the same dataset came to that named the same."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT prepared FROM content.uploads"
                " WHERE dataset_id = %s AND listing = %s AND prepared IS NOT NULL AND dropped_at IS NULL LIMIT 1",
                (dataset_id, listing),
            ).fetchone()
        return _prepared(row[0]) if row else None

    def unconfirmed(self, upload_id: UUID, after: str = "", most: int = 1_000) -> list[UploadedFile]:
        """The first of the files behind a path of which it is not known that their bytes are there."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT f.path, encode(f.sha256, 'hex'), f.size FROM content.upload_files f"
                " JOIN content.uploads u ON u.id = f.upload_id LEFT JOIN content.blobs b"
                " ON b.organization_id = u.organization_id AND b.sha256 = f.sha256 AND b.size = f.size AND b.arrived"
                " WHERE f.upload_id = %s AND f.path > %s AND b.sha256 IS NULL ORDER BY f.path LIMIT %s",
                (upload_id, after, most),
            ).fetchall()
        return [UploadedFile(*row) for row in rows]

    def state(self, upload_id: UUID) -> State:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT version, prepared FROM content.uploads WHERE id = %s AND dropped_at IS NULL", (upload_id,)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no upload {upload_id}")
        version, prepared = row
        return State(version, _prepared(prepared) if prepared else None)

    def use(self, upload_id: UUID) -> None:
        """It is wanted: from now on it does not end for a week. Raises NotFound where it has ended."""
        if not self._mark(upload_id, "used_at"):
            raise NotFound(f"there is no upload {upload_id}")

    def commit(self, upload_id: UUID) -> None:
        """It became a revision, so it is not open any more."""
        self._mark(upload_id, "committed_at")

    def drop(self, upload_id: UUID) -> None:
        """Nobody finds it from now on; what it alone names is freed later."""
        self._mark(upload_id, "dropped_at")

    def _mark(self, upload_id: UUID, column: LiteralString) -> bool:
        query = f"UPDATE content.uploads SET {column} = now() WHERE id = %s AND dropped_at IS NULL RETURNING id"
        with self.pool.connection() as connection:
            return connection.execute(query, (upload_id,)).fetchone() is not None

    def keep(self, upload_id: UUID, version: int, prepared: Prepared, listing: bytes) -> None:
        """What the files come to, unless others were added in the meantime."""
        with self.pool.connection() as connection:
            connection.execute(
                "UPDATE content.uploads SET prepared = %s, listing = %s WHERE id = %s AND version = %s",
                (Jsonb(prepared.model_dump(mode="json")), listing, upload_id, version),
            )


def _prepared(stored: object) -> Prepared:
    return Prepared.model_validate_json(json.dumps(stored))
