"""Pages of manifests where reading them is cheap: in `content.pages`, or, where they were lost there, as objects."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Final
from uuid import UUID

from psycopg_pool import ConnectionPool

from domain import manifest
from infra.blobs import Blobs

WRITTEN_TOGETHER: Final = 64
READ_TOGETHER: Final = 16


def loading(blobs: Blobs, organization_id: UUID) -> manifest.Load:
    """Pages of the organization, from the database or, where they were lost there, from their objects."""

    def load(sha256: str) -> bytes:
        with blobs.pool.connection() as connection:
            row = connection.execute(
                "SELECT body FROM content.pages WHERE organization_id = %s AND sha256 = %s",
                (organization_id, bytes.fromhex(sha256)),
                binary=True,
            ).fetchone()
        return bytes(row[0]) if row else blobs.read(organization_id, sha256)

    return load


class Pages:
    """Pages on their way to where they are kept: some at a time in memory, each durable before the revision is."""

    def __init__(self, pool: ConnectionPool, blobs: Blobs, organization_id: UUID) -> None:
        self.pool, self.blobs, self.organization_id = pool, blobs, organization_id
        self.waiting: dict[str, bytes] = {}

    def keep(self, name: str, page: bytes) -> None:
        self.waiting[name] = page
        if len(self.waiting) == WRITTEN_TOGETHER:
            self.write()

    def write(self) -> None:
        self.blobs.write_all(self.organization_id, self.waiting.values())
        rows = [(self.organization_id, bytes.fromhex(name), page) for name, page in sorted(self.waiting.items())]
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO content.pages (organization_id, sha256, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                rows,
            )
        self.waiting = {}


class Ahead:
    """Pages that were announced are read some at a time, beside whoever looks at those before them.

    Two such lots are in memory at most: what nobody asked for is let go, and read by itself should they ask later.
    """

    def __init__(self, blobs: Blobs, organization_id: UUID, beside: Executor) -> None:
        self.blobs, self.organization_id, self.beside = blobs, organization_id, beside
        self.alone = loading(blobs, organization_id)
        self.expected: deque[str] = deque()
        self.named: set[str] = set()
        self.coming: Future[dict[str, bytes]] | None = None
        self.here: dict[str, bytes] = {}

    def expect(self, sha256s: Sequence[str]) -> None:
        self.expected.extend(sha256s)
        if self.coming is None:
            self._send()

    def load(self, sha256: str) -> bytes:
        if self.coming is not None and sha256 in self.named:
            self.here = self.coming.result()
            self._send()
        page = self.here.pop(sha256, None)
        return self.alone(sha256) if page is None else page

    def _send(self) -> None:
        some = list(islice(self.expected, READ_TOGETHER))
        for _ in some:
            self.expected.popleft()
        self.named = set(some)
        self.coming = self.beside.submit(self._read, some) if some else None

    def _read(self, sha256s: Sequence[str]) -> dict[str, bytes]:
        with self.blobs.pool.connection() as connection:
            rows = connection.execute(
                "SELECT sha256, body FROM content.pages WHERE organization_id = %s AND sha256 = ANY(%s)",
                (self.organization_id, [bytes.fromhex(each) for each in sha256s]),
                binary=True,
            ).fetchall()
        return {sha256.hex(): body for sha256, body in rows}


@contextmanager
def ahead(blobs: Blobs, organization_id: UUID) -> Iterator[Ahead]:
    with ThreadPoolExecutor(1) as beside:
        yield Ahead(blobs, organization_id, beside)
