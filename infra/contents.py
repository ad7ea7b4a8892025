"""Dataset content: an upload becomes a revision; splits, images and differences are read from its pages.

Pages, reports and splits are blobs like images. Pages also stand in `content.pages`, where reading them is cheap; all
of it is written before the event that names it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool

from commands.ports import Prepared
from domain import comparison, manifest, revision
from domain import split as splits
from domain.content import Content, Ratios, Split, SplitMethod
from domain.errors import Invalid
from domain.groups import Groups, Rule
from domain.manifest import Entry, Root
from domain.paths import quoted
from domain.report import Report
from domain.split import Sides
from domain.tables import Side, SideTables
from infra.arrivals import TOO_LARGE, Arrivals, Sight
from infra.blobs import Blobs
from infra.code_version import code_version
from infra.formats import File, ImageFacts, Reading, read_folder, refuse_faults
from infra.formats.images import MOST_BYTES
from infra.objects import ObjectIsMissing
from infra.pages import Pages, ahead, loading
from infra.uploads import Upload, Uploads

KEPT_SPLITS: Final = 16
TOGETHER: Final = 1_000
Advance = Callable[[int, int], None]


def nobody(done: int, total: int) -> None:
    pass


class UploadIsIncomplete(Invalid):
    """A file was named whose bytes are not there."""


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
    arrivals: Arrivals
    code: str = field(default_factory=code_version)
    _sides: Any = field(init=False)

    def __post_init__(self) -> None:
        self._sides = lru_cache(KEPT_SPLITS)(self._read_sides)

    def prepare(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, *, strict: bool) -> Prepared:
        upload = self.uploads.get(upload_id, organization_id, dataset_id)
        self.uploads.use(upload_id)
        prepared = self.uploads.state(upload_id).prepared or self.make_ready(upload)
        if strict:
            refuse_faults(self.report(organization_id, prepared.report))
        return prepared

    def make_ready(self, upload: Upload, advance: Advance = nobody) -> Prepared:
        """The work of a commit, done once; `advance` hears of how many files it has seen to. Nothing changes by it."""
        self.uploads.use(upload.id)
        version = self.uploads.state(upload.id).version
        self._must_be_there(upload)
        listing = self.uploads.listing(upload.id, self.code)
        prepared = self._as_before(upload, listing) or self._prepared(upload, advance)
        while not self._is_there(upload.organization_id, prepared):
            prepared = self._prepared(upload, advance)
        self.uploads.keep(upload.id, version, prepared, listing)
        return prepared

    def _as_before(self, upload: Upload, listing: bytes) -> Prepared | None:
        """What was pushed once more unchanged is not read once more."""
        earlier = self.uploads.earlier(upload.dataset_id, listing)
        return earlier and earlier.model_copy(update={"base": upload.base})

    def _is_there(self, organization_id: UUID, prepared: Prepared) -> bool:
        """What was written a while ago because of this, or was there then, may have been freed by now."""
        split = [prepared.split.sha256, prepared.split.tables] if prepared.split else []
        try:
            pages = manifest.objects(prepared.content.root, self.load(organization_id))
            named = {*pages, prepared.report, *split}
        except ObjectIsMissing:
            return False
        return self.blobs.known(organization_id, named).keys() == named

    def _prepared(self, upload: Upload, advance: Advance) -> Prepared:
        organization_id = upload.organization_id
        reading = self._read(upload, advance)
        content = self._build(organization_id, reading)
        split = self._as_given(organization_id, content.root, reading) if reading.sides else None
        report = self.blobs.write(organization_id, reading.report.canonical())
        return Prepared(content=content, report=report, base=upload.base, split=split)

    def split(
        self,
        organization_id: UUID,
        content: Content,
        method: SplitMethod,
        ratios: Ratios,
        seed: int,
        groups: Rule | None = None,
    ) -> Split:
        load = self.load(organization_id)
        entries = manifest.walk(content.root, load)
        grouping = Groups(groups)
        sides = splits.make_split(content.root, entries, method, ratios, seed, grouping)
        grouped = grouping.found()
        tables = splits.class_tables(manifest.walk(content.root, load), content.classes, sides)
        return self._keep_split(
            organization_id, sides, tables, method=method, ratios=ratios, seed=seed, grouped=grouped
        )

    def tables(self, organization_id: UUID, split: Split) -> SideTables:
        return SideTables.read(self.blobs.read(organization_id, split.tables))

    def root(self, organization_id: UUID, sha256: str) -> Root:
        return manifest.root(sha256, self.load(organization_id))

    def report(self, organization_id: UUID, sha256: str) -> Report:
        return Report.model_validate_json(self.blobs.read(organization_id, sha256))

    def images(
        self, organization_id: UUID, root: str, split: Split | None, after: str, limit: int, side: Side | None = None
    ) -> Images:
        """With `side`, those of that side only."""
        sides: Mapping[str, Side] = self._sides(organization_id, split.sha256) if split else {}
        entries = manifest.walk(root, self.load(organization_id), after)
        sided = (Sided(entry, sides.get(entry.path)) for entry in entries)
        found = list(islice((each for each in sided if side in (None, each.side)), limit + 1))
        return Images(found[:limit], found[limit - 1].entry.path if len(found) > limit else None)

    def compare(self, organization_id: UUID, before: str, after: str) -> comparison.Comparison:
        with ahead(self.blobs, organization_id) as pages:
            return comparison.compare(before, after, pages.load, pages.expect)

    def _read(self, upload: Upload, advance: Advance) -> Reading:
        files = [File(file.path, file.size, file.sha256) for file in self.uploads.files(upload.id)]
        try:
            return _Shelf(self.arrivals, upload.organization_id, files, advance).read()
        finally:
            if self.uploads.is_over(upload.id):  # what was read since then is named by nothing
                self.blobs.doubt(upload.organization_id, [file.sha256 for file in files])

    def _must_be_there(self, upload: Upload) -> None:
        last = ""
        while left := self.uploads.unconfirmed(upload.id, last, TOGETHER):
            last = left[-1].path
            some = [File(file.path, file.size, file.sha256) for file in left]
            missing = {each.sha256 for each in self.arrivals.missing(upload.organization_id, some)}
            for file in some:
                if file.sha256 in missing:
                    raise UploadIsIncomplete(f"the file {quoted(file.path)} was named but its bytes have not arrived")

    def _build(self, organization_id: UUID, reading: Reading) -> Content:
        pages = Pages(self.pool, self.blobs, organization_id)
        made = revision.build(reading.entries, reading.classes, pages.keep)
        pages.write()
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
        sides = splits.as_given(root, reading.entries.paths(), reading.sides or {})
        by_hand: dict[str, Any] = {"method": SplitMethod.MANUAL, "ratios": None, "seed": None, "grouped": None}
        return self._keep_split(organization_id, sides, SideTables(sides=reading.report.sides), **by_hand)

    def _keep_split(self, organization_id: UUID, sides: Sides, tables: SideTables, **how: Any) -> Split:
        return Split(
            sha256=self.blobs.write(organization_id, sides.canonical()),
            tables=self.blobs.write(organization_id, tables.canonical()),
            root=sides.root,
            train=len(sides.train),
            val=len(sides.val),
            test=len(sides.test),
            **how,
        )

    def _read_sides(self, organization_id: UUID, sha256: str) -> Mapping[str, Side]:
        return Sides.read(self.blobs.read(organization_id, sha256)).side_of()

    def load(self, organization_id: UUID) -> manifest.Load:
        return loading(self.blobs, organization_id)


class _Shelf:
    """The files of an upload as readers ask for them: what the next ones hold is fetched for all of them at once."""

    def __init__(self, arrivals: Arrivals, organization_id: UUID, files: list[File], advance: Advance) -> None:
        self.arrivals, self.organization_id, self.files, self.advance = arrivals, organization_id, files, advance
        self.hashes = {file.path: file.sha256 for file in files}
        self.known: dict[str, Sight] = {}
        self.done = 0

    def read(self) -> Reading:
        return read_folder(self.files, self._text, self._facts, self._ahead)

    def _ahead(self, files: Sequence[File]) -> None:
        self.advance(self.done, len(self.files))
        self.known = self.arrivals.see(self.organization_id, files)
        self.done += len(files)

    def _text(self, path: str) -> bytes:
        sha256 = self.hashes[path]
        known = self.known.get(sha256, Sight()).text
        return self.arrivals.blobs.read(self.organization_id, sha256) if known is None else known

    def _facts(self, file: File) -> ImageFacts:
        if file.size > MOST_BYTES:
            return TOO_LARGE
        facts = self.known.get(file.sha256, Sight()).facts
        if facts is None:
            raise UploadIsIncomplete(f"the bytes of {quoted(file.path)} are gone from the store; send them again")
        return facts
