"""What the things of an organization name by hash: the blobs that are kept because of them.

An event of a dataset names whatever in it has the form of a SHA-256; under `root` that is a manifest, and what stands
in its pages is named with it.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

from sqlalchemy import Connection, text

from domain import manifest
from infra.blobs import Blobs
from infra.ledger import Ledger
from infra.mapper import Mapper
from infra.objects import ObjectIsMissing
from infra.pages import loading
from infra.reading import NotThereYet, Reading, consumer
from infra.uploads import Upload, Uploads
from projections import trash
from projections.trash import Thrown

T = TypeVar("T")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
AT_ONCE: Final = 1_000
_BEHIND: Final = text("SELECT count(*) FROM work.positions WHERE consumer = ANY(:names) AND position >= :position")


@dataclass(frozen=True)
class Named:
    blobs: Blobs
    ledger: Ledger
    mapper: Mapper
    reading: Reading

    def by(self, thrown: Thrown) -> Iterator[list[str]]:
        """What a purged thing named, as far as it can still be read; some at a time, and some more than once."""
        if thrown.kind == "dataset":
            walk = _Walk(loading(self.blobs, thrown.organization_id), strict=False)
            yield from self._by_datasets([thrown.id], walk)
            yield from self._by_uploads("dataset_id", thrown.id, walk)
        else:
            with self.reading.transaction() as tx:
                made, jobs = trash.hashes_of_project(tx, thrown.id), trash.list_jobs_of(tx, thrown.id)
            yield from _some(made)
            yield from self._archived("job_id = ANY(%s)", jobs)

    def by_upload(self, upload: Upload) -> Iterator[list[str]]:
        """As far as it can still be read."""
        yield from self._by_uploads("id", upload.id, _Walk(loading(self.blobs, upload.organization_id), strict=False))

    def by_all(self, organization_id: UUID) -> Generator[list[str]]:
        """What everything in the organization names that was not purged, first what is read soonest.

        Uploads come before the datasets into which they are committed. Raises NotThereYet, ObjectIsMissing.
        """
        datasets, made = self._kept(organization_id)
        yield from _some(made)
        yield from self._archived("organization_id = %s", organization_id)
        walk = _Walk(loading(self.blobs, organization_id), strict=True)
        yield from self._by_uploads("organization_id", organization_id, walk)
        yield from self._by_datasets(datasets, walk)

    def _kept(self, organization_id: UUID) -> tuple[list[UUID], set[str]]:
        """By read models that are at this moment, none of which is exchanged meanwhile."""
        head = self.ledger.head().position
        self.reading.wait_until(trash.READ, head)
        with self.reading.transaction() as tx:
            _must_be_at(tx, head)
            return trash.list_datasets_kept(tx, organization_id), trash.hashes_of_trainings(tx, organization_id)

    def _by_datasets(self, ids: Iterable[UUID], walk: "_Walk") -> Iterator[list[str]]:
        for id in ids:
            for stored in self.ledger.events_of(id):
                event, _ = self.mapper.decode(stored)
                yield from walk.through(event.model_dump(mode="json"))

    def _by_uploads(self, column: LiteralString, id: UUID, walk: "_Walk") -> Iterator[list[str]]:
        """Also by those that were not committed."""
        with self.blobs.pool.connection() as connection:
            uploads = connection.execute(
                f"SELECT id, prepared FROM content.uploads WHERE {column} = %s", (id,)
            ).fetchall()
        for id, prepared in uploads:
            yield from _some(file.sha256 for file in Uploads(self.blobs.pool).files(id))
            yield from walk.through(prepared)

    def _archived(self, where: str, value: Any) -> Iterator[list[str]]:
        with self.blobs.pool.connection() as connection:
            rows = connection.execute(f"SELECT sha256 FROM work.archive WHERE {where}".encode(), (value,)).fetchall()
        yield from _some(sha256 for (sha256,) in rows)


@dataclass(frozen=True)
class _Walk:
    """Through manifests, each page once. With `strict`, one that cannot be read is an error, else it is passed by."""

    load: manifest.Load
    strict: bool
    seen: set[str] = field(default_factory=set)

    def through(self, content: Any) -> Iterator[list[str]]:
        found = list(_hashes(content))
        yield [sha256 for sha256, _ in found]
        for root in dict.fromkeys(sha256 for sha256, is_root in found if is_root):
            if root not in self.seen:
                self.seen.add(root)
                yield from self._tree(root)

    def _tree(self, root: str) -> Iterator[list[str]]:
        waiting = self._read(lambda: [top] if (top := manifest.root(root, self.load).top) else [])
        while waiting:
            ref = waiting.pop()
            if ref.sha256 not in self.seen:
                self.seen.add(ref.sha256)
                yield [ref.sha256]
                if ref.level:
                    waiting += self._read(partial(manifest.pages_of, ref, self.load))
                else:
                    yield [each.sha256 for each in self._read(partial(manifest.entries_of, ref, self.load))]

    def _read(self, read: Callable[[], Iterable[T]]) -> list[T]:
        try:
            return list(read())
        except ObjectIsMissing:
            if self.strict:
                raise
            return []


def _must_be_at(tx: Connection, position: int) -> None:
    names = [consumer(name) for name in trash.READ]
    if tx.execute(_BEHIND, {"names": names, "position": position}).scalar() != len(names):
        raise NotThereYet(f"some read model is not at position {position}")


def _hashes(content: Any, name: str = "") -> Iterator[tuple[str, bool]]:
    """Each with whether a manifest has it."""
    match content:
        case dict():
            for key, value in content.items():
                yield from _hashes(value, key)
        case list():
            for value in content:
                yield from _hashes(value, name)
        case str() if SHA256.fullmatch(content):
            yield content, name == "root"


def _some(hashes: Iterable[str]) -> Iterator[list[str]]:
    left = iter(hashes)
    while some := list(islice(left, AT_ONCE)):
        yield some
