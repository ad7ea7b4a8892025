"""Dataset content: an upload becomes a revision; splits, images and differences are read from its pages.

Pages, reports and splits are blobs like images. Pages also stand in `content.pages`, where reading them is cheap; all
of it is written before the event that names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool

from commands.ports import Prepared
from domain import comparison, manifest, revision
from domain import split as splits
from domain.dataset import Content, Ratios, Split, SplitMethod
from domain.errors import Invalid
from domain.manifest import Entry, Root
from domain.paths import quoted
from domain.report import Report
from domain.split import Side, Sides
from infra.blobs import Blobs, Named
from infra.formats import File, ImageFacts, Reading, look, read_folder
from infra.formats.images import MOST_BYTES
from infra.uploads import UploadedFile, Uploads

KEPT_SPLITS: Final = 16


class UploadIsIncomplete(Invalid):
    """A file was named but never sent."""


class Sided(NamedTuple):
    entry: Entry
    side: Side | None


class Images(NamedTuple):
    """Some images in order of path; `next` is the path to go on after."""

    items: list[Sided]
    next: str | None


@dataclass
class DatasetContents:
    """The port Contents."""

    pool: ConnectionPool
    blobs: Blobs
    uploads: Uploads
    _sides: Any = field(init=False)

    def __post_init__(self) -> None:
        self._sides = lru_cache(KEPT_SPLITS)(self._read_sides)

    def prepare(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, *, strict: bool) -> Prepared:
        upload = self.uploads.get(upload_id, organization_id, dataset_id)
        reading = self._read(organization_id, list(self.uploads.files(upload_id)), strict)
        content = self._build(organization_id, reading)
        split = self._as_given(organization_id, content.root, reading) if reading.sides else None
        report = self.blobs.write(organization_id, reading.report.canonical())
        return Prepared(content=content, report=report, base=upload.base, split=split)

    def split(self, organization_id: UUID, content: Content, method: SplitMethod, ratios: Ratios, seed: int) -> Split:
        entries = manifest.walk(content.root, self._load(organization_id))
        sides = splits.make_split(content.root, entries, method, ratios, seed)
        return self._keep_split(organization_id, sides, method, ratios, seed)

    def root(self, organization_id: UUID, sha256: str) -> Root:
        return manifest.root(sha256, self._load(organization_id))

    def report(self, organization_id: UUID, sha256: str) -> Report:
        return Report.model_validate_json(self.blobs.read(organization_id, sha256))

    def images(
        self, organization_id: UUID, root: str, split: Split | None, after: str, limit: int, side: Side | None = None
    ) -> Images:
        """With `side`, those of that side only."""
        sides: Mapping[str, Side] = self._sides(organization_id, split.sha256) if split else {}
        entries = manifest.walk(root, self._load(organization_id), after)
        sided = (Sided(entry, sides.get(entry.path)) for entry in entries)
        found = list(islice((each for each in sided if side in (None, each.side)), limit + 1))
        return Images(found[:limit], found[limit - 1].entry.path if len(found) > limit else None)

    def compare(self, organization_id: UUID, before: str, after: str) -> comparison.Comparison:
        return comparison.compare(before, after, self._load(organization_id))

    def _read(self, organization_id: UUID, files: list[UploadedFile], strict: bool) -> Reading:
        self._must_be_there(organization_id, files)
        by_path = {file.path: file.sha256 for file in files}
        facts = _Facts(self.blobs, organization_id, files)
        try:
            return read_folder(
                [File(file.path, file.size, file.sha256) for file in files],
                lambda path: self.blobs.read(organization_id, by_path[path]),
                facts.of,
                strict=strict,
            )
        finally:
            facts.keep()

    def _must_be_there(self, organization_id: UUID, files: list[UploadedFile]) -> None:
        named = (Named(file.sha256, file.size) for file in files)
        missing = {each.sha256 for each in self.blobs.missing(organization_id, named)}
        for file in files:
            if file.sha256 in missing:
                raise UploadIsIncomplete(f"the file {quoted(file.path)} was named but its bytes have not arrived")

    def _build(self, organization_id: UUID, reading: Reading) -> Content:
        pages: dict[str, bytes] = {}
        made = revision.build(reading.entries, reading.classes, pages.__setitem__)
        for page in pages.values():
            self.blobs.write(organization_id, page)
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO content.pages (organization_id, sha256, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [(organization_id, bytes.fromhex(name), page) for name, page in pages.items()],
            )
        counts = made.root.counts
        return Content(
            root=made.sha256,
            images=counts.images,
            labelled_images=counts.labelled,
            annotations=counts.annotations,
            bytes=counts.bytes,
            task=reading.task,
            layout=reading.layout,
            classes=reading.classes,
        )

    def _as_given(self, organization_id: UUID, root: str, reading: Reading) -> Split:
        sides = splits.as_given(root, reading.entries, reading.sides or {})
        return self._keep_split(organization_id, sides, SplitMethod.MANUAL, None, None)

    def _keep_split(
        self, organization_id: UUID, sides: Sides, method: SplitMethod, ratios: Ratios | None, seed: int | None
    ) -> Split:
        return Split(
            sha256=self.blobs.write(organization_id, sides.canonical()),
            root=sides.root,
            method=method,
            ratios=ratios,
            seed=seed,
            train=len(sides.train),
            val=len(sides.val),
            test=len(sides.test),
        )

    def _read_sides(self, organization_id: UUID, sha256: str) -> Mapping[str, Side]:
        return Sides.read(self.blobs.read(organization_id, sha256)).side_of()

    def _load(self, organization_id: UUID) -> manifest.Load:
        """Pages of the organization, from the database or, where they were lost there, from their objects."""

        def load(sha256: str) -> bytes:
            with self.pool.connection() as connection:
                row = connection.execute(
                    "SELECT body FROM content.pages WHERE organization_id = %s AND sha256 = %s",
                    (organization_id, bytes.fromhex(sha256)),
                ).fetchone()
            return bytes(row[0]) if row else self.blobs.read(organization_id, sha256)

        return load


class _Facts:
    """What is known of images by their hash; each is looked at once in its life."""

    def __init__(self, blobs: Blobs, organization_id: UUID, files: list[UploadedFile]) -> None:
        self.blobs = blobs
        self.organization_id = organization_id
        known = blobs.facts(organization_id, {file.sha256 for file in files})
        self.known = {sha256: ImageFacts.model_validate(facts) for sha256, facts in known.items()}
        self.new: dict[str, ImageFacts] = {}

    def of(self, file: File) -> ImageFacts:
        if file.size > MOST_BYTES:
            return ImageFacts(fault=f"is larger than {MOST_BYTES // 2**20} MiB")
        if file.sha256 not in self.known:
            seen = look(self.blobs.read(self.organization_id, file.sha256))
            self.new[file.sha256] = self.known[file.sha256] = seen
        return self.known[file.sha256]

    def keep(self) -> None:
        facts = {sha256: each.model_dump(mode="json") for sha256, each in self.new.items()}
        self.blobs.note_facts(self.organization_id, facts)
