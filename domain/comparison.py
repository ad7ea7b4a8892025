"""What differs between two revisions, read from the pages that differ and no others."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from domain import manifest
from domain.manifest import Annotation, Entry, Load, Ref, Root
from domain.values import Count, Value

Expect = Callable[[Sequence[str]], None]
"""Told which pages will most likely be asked for next, in this order: they may be read together."""


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    IMAGE = "image"
    ANNOTATIONS = "annotations"


class Change(NamedTuple):
    """One path that differs: other bytes count as `image`, whatever else changed with them."""

    before: Entry | None
    after: Entry | None

    @property
    def path(self) -> str:
        entry = self.before or self.after
        assert entry is not None
        return entry.path

    @property
    def kind(self) -> Kind:
        if self.before is None:
            return Kind.ADDED
        if self.after is None:
            return Kind.REMOVED
        return Kind.ANNOTATIONS if self.before.sha256 == self.after.sha256 else Kind.IMAGE


class ClassChange(Value):
    name: str
    before: Count
    after: Count


class Comparison(Value):
    """The differences in counts; a class that only one side knows has 0 annotations on the other."""

    added: Count
    removed: Count
    images_changed: Count
    annotations_changed: Count
    classes: tuple[ClassChange, ...]


def nobody(pages: Sequence[str]) -> None:
    pass


def compare(before: str, after: str, load: Load, expect: Expect = nobody) -> Comparison:
    kinds = dict.fromkeys(Kind, 0)
    for change in diff(before, after, load, expect):
        kinds[change.kind] += 1
    return Comparison(
        added=kinds[Kind.ADDED],
        removed=kinds[Kind.REMOVED],
        images_changed=kinds[Kind.IMAGE],
        annotations_changed=kinds[Kind.ANNOTATIONS],
        classes=_class_changes(manifest.root(before, load), manifest.root(after, load)),
    )


def diff(before: str, after: str, load: Load, expect: Expect = nobody) -> Iterator[Change]:
    """Every path that differs, in order. Memory stays at a few pages, whatever the size of the revisions."""
    old_root, new_root = manifest.root(before, load), manifest.root(after, load)
    names = old_root.classes, new_root.classes
    agree = all(old == new for old, new in zip(*names, strict=False))
    for old, new in _paired(_Cursor(old_root.top, load), _Cursor(new_root.top, load), agree, expect):
        if old is None or new is None or not _alike(old, new, names):
            yield Change(old, new)


class _Cursor:
    """A place in one tree: what lies ahead, in subtrees that nobody had to open yet."""

    def __init__(self, top: Ref | None, load: Load) -> None:
        self.load = load
        self.ahead: list[Entry | Ref] = [top] if top else []

    @property
    def head(self) -> Entry | Ref | None:
        return self.ahead[-1] if self.ahead else None

    @property
    def level(self) -> int:
        return self.head.level if isinstance(self.head, Ref) else -1

    def open(self) -> Sequence[Entry | Ref]:
        ref = self._step()
        below = manifest.pages_of(ref, self.load) if ref.level else manifest.entries_of(ref, self.load)
        self._put(below)
        return below

    def open_against(self, other: "_Cursor") -> None:
        """Both are at a leaf page: an image that is the same in both needs no look."""
        mine, theirs = manifest.differing(self._step(), other._step(), self.load)
        self._put(mine)
        other._put(theirs)

    def _step(self) -> Ref:
        ref = self.ahead.pop()
        assert isinstance(ref, Ref)
        return ref

    def _put(self, below: Sequence[Entry | Ref]) -> None:
        self.ahead.extend(reversed(below))

    def advance(self) -> Iterator[Entry]:
        """The image ahead, or nothing but a step down towards it."""
        match self.head:
            case Entry() as entry:
                self.ahead.pop()
                yield entry
            case Ref():
                self.open()


def _paired(a: _Cursor, b: _Cursor, agree: bool, expect: Expect) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Both trees side by side by path. Subtrees of one hash are passed over where class numbers mean the same."""
    while a.ahead or b.ahead:
        x, y = a.head, b.head
        if agree and isinstance(x, Ref) and isinstance(y, Ref) and x.sha256 == y.sha256:
            a.ahead.pop()
            b.ahead.pop()
        elif _is_before(x, y):
            yield from ((entry, None) for entry in a.advance())
        elif _is_before(y, x):
            yield from ((None, entry) for entry in b.advance())
        elif a.level == b.level == -1:
            yield from zip(a.advance(), b.advance(), strict=True)
        elif agree and a.level == b.level == 0:
            a.open_against(b)
        else:
            expect(_leaves_of(_descend(a, b), agree))


def _is_before(x: Entry | Ref | None, y: Entry | Ref | None) -> bool:
    if x is None or y is None:
        return x is not None
    return (x.last if isinstance(x, Ref) else x.path) < (y.first if isinstance(y, Ref) else y.path)


def _descend(a: _Cursor, b: _Cursor) -> list[Entry | Ref]:
    """What came to light."""
    level = max(a.level, b.level)
    return [each for cursor in (a, b) if cursor.level == level for each in cursor.open()]


def _leaves_of(found: Sequence[Entry | Ref], agree: bool) -> list[str]:
    """The leaf pages by path; one that both sides have is passed over where class numbers mean the same."""
    leaves = sorted((each for each in found if isinstance(each, Ref) and each.level == 0), key=attrgetter("first"))
    times = Counter(leaf.sha256 for leaf in leaves)
    return [leaf.sha256 for leaf in leaves if not (agree and times[leaf.sha256] > 1)]


def _alike(old: Entry, new: Entry, names: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    return old.sha256 == new.sha256 and _named(old.annotations, names[0]) == _named(new.annotations, names[1])


def _named(annotations: tuple[Annotation, ...], names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((names[each.class_], each.box or ()) for each in annotations)


def _class_changes(old: Root, new: Root) -> tuple[ClassChange, ...]:
    before = dict(zip(old.classes, old.counts.classes, strict=True))
    after = dict(zip(new.classes, new.counts.classes, strict=True))
    names = dict.fromkeys([*before, *after])
    return tuple(ClassChange(name=name, before=before.get(name, 0), after=after.get(name, 0)) for name in names)
