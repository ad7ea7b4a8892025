"""Upload sessions: what a client says it has, collected until it is committed as one revision."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool

from domain.errors import NotFound


class Upload(NamedTuple):
    id: UUID
    organization_id: UUID
    dataset_id: UUID
    base: str | None


class UploadedFile(NamedTuple):
    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Uploads:
    pool: ConnectionPool

    def begin(self, upload: Upload) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO content.uploads (id, organization_id, dataset_id, base) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (id) DO NOTHING",
                upload,
            )

    def get(self, upload_id: UUID, organization_id: UUID, dataset_id: UUID) -> Upload:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT id, organization_id, dataset_id, base FROM content.uploads"
                " WHERE id = %s AND organization_id = %s AND dataset_id = %s",
                (upload_id, organization_id, dataset_id),
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no upload {upload_id} into this dataset")
        return Upload(*row)

    def add(self, upload_id: UUID, files: Iterable[UploadedFile]) -> None:
        """A path that was named before gets its new content."""
        # In one order, so that two calls that name the same files wait for each other instead of both for ever.
        rows = sorted((upload_id, file.path, bytes.fromhex(file.sha256), file.size) for file in files)
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO content.upload_files (upload_id, path, sha256, size) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (upload_id, path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size",
                rows,
            )

    def files(self, upload_id: UUID) -> Iterator[UploadedFile]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT path, encode(sha256, 'hex'), size FROM content.upload_files WHERE upload_id = %s ORDER BY path",
                (upload_id,),
            ).fetchall()
        return (UploadedFile(*row) for row in rows)
