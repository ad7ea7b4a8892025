"""The blobs of an organization: bytes by hash, of which the database knows that they are there.

A blob is known once the object store, which checks the hash of what is sent to it, has it in the size that was named.
Whether something is there already is answered within one organization only.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from domain.errors import Invalid
from domain.manifest import digest
from infra.objects import Objects

AT_ONCE: Final = 8


class BlobIsMissing(Invalid):
    """Something refers to bytes that never arrived."""


class Named(NamedTuple):
    sha256: str
    size: int


class Place(NamedTuple):
    """Where to send bytes, and with which headers."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Blobs:
    pool: ConnectionPool
    objects: Objects

    def known(self, organization_id: UUID, sha256s: Iterable[str]) -> dict[str, int]:
        """The sizes of those that are there."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex'), size FROM content.blobs WHERE organization_id = %s AND sha256 = ANY(%s)",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
            ).fetchall()
        return dict(rows)

    def missing(self, organization_id: UUID, named: Iterable[Named]) -> list[Named]:
        """Those that are not there yet; what has arrived since is known from now on."""
        wanted = self._by_hash(named)
        known = self.known(organization_id, wanted)
        for each in wanted.values():
            if known.get(each.sha256, each.size) != each.size:
                raise BlobIsMissing(f"the object {each.sha256} has {known[each.sha256]} bytes, not {each.size}")
        new = [each for each in wanted.values() if each.sha256 not in known]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            sizes = list(threads.map(lambda each: self.objects.size(organization_id, each.sha256), new))
        self._note(organization_id, [each for each, size in zip(new, sizes, strict=True) if size == each.size])
        return [each for each, size in zip(new, sizes, strict=True) if size != each.size]

    def confirm(self, organization_id: UUID, named: Iterable[Named], unsized: Iterable[str] = ()) -> None:
        """Raises BlobIsMissing unless each is there; the size of those that are `unsized` is taken from the store."""
        sized = [Named(sha256, self._size(organization_id, sha256)) for sha256 in unsized]
        for each in self.missing(organization_id, [*named, *sized]):
            raise BlobIsMissing(f"the object {each.sha256} ({each.size} bytes) was not uploaded")

    def _size(self, organization_id: UUID, sha256: str) -> int:
        size = self.objects.size(organization_id, sha256)
        if size is None:
            raise BlobIsMissing(f"the object {sha256} was not uploaded")
        return size

    @staticmethod
    def _by_hash(named: Iterable[Named]) -> dict[str, Named]:
        wanted: dict[str, Named] = {}
        for each in named:
            if wanted.setdefault(each.sha256, each).size != each.size:
                raise BlobIsMissing(f"the object {each.sha256} is named with two sizes")
        return wanted

    def facts(self, organization_id: UUID, sha256s: Iterable[str]) -> dict[str, Any]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex'), facts FROM content.blobs"
                " WHERE organization_id = %s AND sha256 = ANY(%s) AND facts IS NOT NULL",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
            ).fetchall()
        return dict(rows)

    def note_facts(self, organization_id: UUID, facts: Mapping[str, Any]) -> None:
        rows = [(Jsonb(known), organization_id, bytes.fromhex(sha256)) for sha256, known in facts.items()]
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany("UPDATE content.blobs SET facts = %s WHERE organization_id = %s AND sha256 = %s", rows)

    def read(self, organization_id: UUID, sha256: str) -> bytes:
        return self.objects.get(organization_id, sha256)

    def write(self, organization_id: UUID, data: bytes) -> str:
        """Durable when this returns."""
        sha256 = digest(data)
        if sha256 not in self.known(organization_id, [sha256]):
            self.objects.put(organization_id, sha256, data)
            self._note(organization_id, [Named(sha256, len(data))])
        return sha256

    def place(self, organization_id: UUID, named: Named) -> Place:
        return Place(*self.objects.presigned_put(organization_id, named.sha256, named.size))

    def url(self, organization_id: UUID, sha256: str, name: str | None = None) -> str:
        return self.objects.presigned_get(organization_id, sha256, name)

    def _note(self, organization_id: UUID, named: Iterable[Named]) -> None:
        rows = [(organization_id, bytes.fromhex(each.sha256), each.size) for each in named]
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO content.blobs (organization_id, sha256, size) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                rows,
            )
