"""Writing a revision: from nothing, or from the one before by what changed. See domain/manifest.py for the tree."""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain import manifest
from domain.errors import Invalid
from domain.manifest import Counts, Entry, Load, Ref, Root
from domain.paths import quoted

Keep = Callable[[str, bytes], None]


class EntriesAreOutOfOrder(Invalid):
    pass


class ClassIsUnknown(Invalid):
    pass


class ClassesWouldChangeMeaning(Invalid):
    """A class may be renamed or added at the end; the others keep their numbers, which stand in every page."""


class Manifest(NamedTuple):
    """A revision that was written: its root hash, and what the root says."""

    sha256: str
    root: Root


@dataclass(frozen=True)
class Shape:
    """How long pages are. Part of the format: another shape gives the same images another root."""

    mean: int = 1_000
    most: int = 4_000
    bytes: int = 4 * 2**20

    def ends(self, level: int, path: str) -> bool:
        salted = hashlib.sha256(f"{level}/{path}".encode()).digest()
        return int.from_bytes(salted[:8], "big") % self.mean == 0


SHAPE: Final = Shape()


def build(entries: Iterable[Entry], classes: Sequence[str], keep: Keep, shape: Shape = SHAPE) -> Manifest:
    """Write the tree of these images, given in order of path (by code point); `keep` receives every object."""
    tally = Tally(len(classes))
    pages = _Pages(0, keep, shape)
    last = ""
    for entry in entries:
        if entry.path <= last:
            raise EntriesAreOutOfOrder(f"{quoted(entry.path)} comes after {quoted(last)}")
        last = entry.path
        tally.add(entry)
        pages.add(entry)
    return _crown(pages.finish(), classes, tally.counts(), keep, shape)


def update(
    sha256: str,
    load: Load,
    changes: Mapping[str, Entry | None],
    keep: Keep,
    classes: Sequence[str] | None = None,
    shape: Shape = SHAPE,
) -> Manifest:
    """Write the revision that follows: each path gets its new entry or, with None, is gone. Other pages stay as is."""
    before = manifest.root(sha256, load)
    names = before.classes if classes is None else tuple(classes)
    if len(names) < len(before.classes):
        raise ClassesWouldChangeMeaning("a class cannot be taken away: images may bear it")
    refs = list(manifest.refs_below(before.top, load)) if before.top else []
    known = {ref.sha256 for ref in refs}
    tally = Tally(len(names), before.counts)
    pages = _Pages(0, lambda name, data: None if name in known else keep(name, data), shape)
    for ref, mine in _shared_out(sorted(changes), [ref for ref in refs if ref.level == 0]):
        if ref and not mine and pages.is_between:
            pages.take(ref)
            continue
        for entry in _changed(manifest.entries_below(ref, load) if ref else (), mine, changes, tally):
            pages.add(entry)
    return _crown(pages.finish(), names, tally.counts(), pages.keep, shape)


class Tally:
    """The counts of a revision, kept while images come and go."""

    def __init__(self, classes: int, counts: Counts | None = None) -> None:
        counts = counts or Counts()
        self.classes = [*counts.classes, *[0] * (classes - len(counts.classes))]
        self.sums = Counter(images=counts.images, labelled=counts.labelled, bytes=counts.bytes)

    def add(self, entry: Entry, sign: int = 1) -> None:
        for annotation in entry.annotations:
            if annotation.class_ >= len(self.classes):
                raise ClassIsUnknown(f"{quoted(entry.path)} bears class {annotation.class_} of {len(self.classes)}")
            self.classes[annotation.class_] += sign
        self.sums["images"] += sign
        self.sums["labelled"] += sign * bool(entry.annotations)
        self.sums["bytes"] += sign * entry.size

    def counts(self) -> Counts:
        return Counts(annotations=sum(self.classes), classes=tuple(self.classes), **self.sums)


class _Pages:
    """The pages of one level, made one after the other: at most one is in memory."""

    def __init__(self, level: int, keep: Keep, shape: Shape) -> None:
        self.level, self.keep, self.shape = level, keep, shape
        self.refs: list[Ref] = []
        self._begin()

    def _begin(self) -> None:
        self.first = self.last = ""
        self.images = self.weight = 0
        self.rows: list[bytes] = []

    @property
    def is_between(self) -> bool:
        return not self.rows

    def take(self, ref: Ref) -> None:
        """A page of the revision before that begins and ends just as it would now."""
        self.refs.append(ref)

    def add(self, item: Entry | Ref) -> None:
        first, self.last, images = (
            (item.first, item.last, item.images) if isinstance(item, Ref) else (item.path, item.path, 1)
        )
        self.first = self.first or first
        self.images += images
        self.rows.append(item.canonical())
        self.weight += len(self.rows[-1])
        if self._is_full():
            self._end()

    def _is_full(self) -> bool:
        if self.level and len(self.rows) < 2:
            return False
        return (
            len(self.rows) >= self.shape.most
            or self.weight >= self.shape.bytes
            or self.shape.ends(self.level, self.last)
        )

    def _end(self) -> None:
        data = b'{"format":1,"items":[%b],"level":%d}' % (b",".join(self.rows), self.level)
        name = manifest.digest(data)
        self.keep(name, data)
        self.refs.append(Ref(first=self.first, last=self.last, images=self.images, level=self.level, sha256=name))
        self._begin()

    def finish(self) -> list[Ref]:
        if self.rows:
            self._end()
        return self.refs


def _crown(refs: Sequence[Ref], classes: Sequence[str], counts: Counts, keep: Keep, shape: Shape) -> Manifest:
    """The inner pages above these leaves, and the root above them. There is one ref in a thousand images."""
    level = 0
    while len(refs) > 1:
        level += 1
        pages = _Pages(level, keep, shape)
        for ref in refs:
            pages.add(ref)
        refs = pages.finish()
    root = Root(classes=tuple(classes), counts=counts, top=refs[0] if refs else None)
    data = root.canonical()
    name = manifest.digest(data)
    keep(name, data)
    return Manifest(name, root)


def _shared_out(paths: list[str], leaves: Sequence[Ref]) -> Iterator[tuple[Ref | None, list[str]]]:
    """Each leaf page with the changed paths that belong to it; what lies behind the last page belongs to the last."""
    start = 0
    for ref in leaves[:-1]:
        end = bisect_right(paths, ref.last, start)
        yield ref, paths[start:end]
        start = end
    yield leaves[-1] if leaves else None, paths[start:]


def _changed(
    entries: Iterable[Entry], paths: Iterable[str], changes: Mapping[str, Entry | None], tally: Tally
) -> Iterator[Entry]:
    after = {entry.path: entry for entry in entries}
    for path in paths:
        if path in after:
            tally.add(after.pop(path), sign=-1)
        if (entry := changes[path]) is not None:
            tally.add(entry)
            after[entry.path] = entry
    return (after[path] for path in sorted(after))
