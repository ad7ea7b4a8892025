"""What a revision of a dataset consists of: a tree of pages named by their own hash.

A leaf page lists images in order of path; an inner page lists pages; the root names the classes, the counts and the
topmost page. A page ends after an item whose last path says so by its hash, so where pages end depends on the images
alone: the same images have the same root, whatever the history, and a small change touches few pages.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Final, Literal, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from domain.errors import Refused
from domain.paths import SafePath
from domain.values import ClassNames, Count, Sha256, Value

Load = Callable[[str], bytes]
Decimal6 = Annotated[str, StringConstraints(pattern=r"^(0\.[0-9]{6}|1\.000000)$")]
Pixels = Annotated[int, Field(ge=1, le=1_000_000)]


class PageIsDamaged(Refused):
    """Bytes came back that do not have the hash they are named by, or are no page."""


# The fields below stand in alphabetical order: so pydantic's own compact JSON is canonical (RFC 8785) as it is.


class Annotation(Value):
    """A class of the image (classification), or a class in a box: centre, width, height, each relative to the image."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    box: tuple[Decimal6, Decimal6, Decimal6, Decimal6] | None = None
    class_: Count = Field(validation_alias="class", serialization_alias="class")


class Entry(Value):
    """An image: width and height as seen upright, that is, with its EXIF orientation applied."""

    annotations: tuple[Annotation, ...] = ()
    height: Pixels
    path: SafePath
    sha256: Sha256
    size: Count
    width: Pixels

    def canonical(self) -> bytes:
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


class Ref(Value):
    """A page as seen from above: which paths it spans, how many images stand below it."""

    first: SafePath
    images: Count
    last: SafePath
    level: Annotated[int, Field(ge=0, le=20)]
    sha256: Sha256

    def canonical(self) -> bytes:
        return self.model_dump_json().encode()


class Leaf(Value):
    format: Literal[1]
    items: tuple[Entry, ...]
    level: Literal[0]


class Inner(Value):
    format: Literal[1]
    items: tuple[Ref, ...]
    level: Annotated[int, Field(ge=1, le=20)]


class Counts(Value):
    annotations: Count = 0
    bytes: Count = 0
    classes: tuple[Count, ...] = ()
    images: Count = 0
    labelled: Count = 0


class Root(Value):
    classes: ClassNames
    counts: Counts
    format: Literal[1] = 1
    top: Ref | None

    def canonical(self) -> bytes:
        return self.model_dump_json().encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def root(sha256: str, load: Load) -> Root:
    return _read(Root, sha256, load)


def walk(sha256: str, load: Load, after: str = "") -> Iterator[Entry]:
    """Every image of the revision in order of path, a page in memory at a time; pages up to `after` stay unread."""
    top = root(sha256, load).top
    return entries_below(top, load, after) if top else iter(())


def page(sha256: str, load: Load, after: str = "", limit: int = 100) -> list[Entry]:
    """What a list shows: the first `limit` images after a path."""
    return list(islice(walk(sha256, load, after), limit))


def leaves(sha256: str, load: Load) -> Iterator[Ref]:
    """The leaf pages in order, themselves unread: the keys of whatever is stored per page of images."""
    top = root(sha256, load).top
    return (ref for ref in refs_below(top, load) if ref.level == 0) if top else iter(())


def objects(sha256: str, load: Load) -> Iterator[str]:
    """Every object that the tree is made of, the root first: what must be kept as long as the revision."""
    yield sha256
    if top := root(sha256, load).top:
        yield from (ref.sha256 for ref in refs_below(top, load))


def entries_of(leaf: Ref, load: Load) -> tuple[Entry, ...]:
    return _read(Leaf, leaf.sha256, load).items


def differing(a: Ref, b: Ref, load: Load) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """What each of two leaf pages has and the other has not in the very same form; nothing else is even parsed."""
    one, other = (_items(data) for data in _middles(_leaf(a, load), _leaf(b, load)))
    return _parsed(one, other), _parsed(other, one)


def _parsed(items: dict[bytes, None], known: dict[bytes, None]) -> tuple[Entry, ...]:
    return tuple(Entry.model_validate_json(item) for item in items if item not in known)


def pages_of(inner: Ref, load: Load) -> tuple[Ref, ...]:
    return _read(Inner, inner.sha256, load).items


def entries_below(ref: Ref, load: Load, after: str = "") -> Iterator[Entry]:
    if ref.last <= after:
        return
    if ref.level == 0:
        yield from (entry for entry in entries_of(ref, load) if entry.path > after)
    else:
        for below in pages_of(ref, load):
            yield from entries_below(below, load, after)


def refs_below(ref: Ref, load: Load) -> Iterator[Ref]:
    yield ref
    if ref.level:
        for below in pages_of(ref, load):
            yield from refs_below(below, load)


_ITEM: Final = b'{"annotations":'  # begins every image and, unescaped, stands nowhere else in a leaf page
_HEAD: Final = b'{"format":1,"items":['
_TAIL: Final = b'],"level":0}'
_CHUNK: Final = 2**16


def _leaf(leaf: Ref, load: Load) -> bytes:
    """The images of a leaf page as they are written there."""
    data = _checked(leaf.sha256, load)
    if not (data.startswith((_HEAD + _ITEM, _HEAD + _TAIL)) and data.endswith(_TAIL)):
        raise PageIsDamaged(f"object {leaf.sha256} is not part of a manifest")
    return data[len(_HEAD) : -len(_TAIL)]


def _middles(a: bytes, b: bytes) -> tuple[bytes, bytes]:
    """Both without the images that they begin and end with in common."""
    least = min(len(a), len(b))
    same = _agreed(least, lambda at, end: b.startswith(a[at:end], at))
    alike = _agreed(least - same, lambda at, end: b.endswith(a[len(a) - end : len(a) - at], 0, len(b) - at))
    begin = max(0, a.rfind(_ITEM, 0, same))
    end = a.find(_ITEM, len(a) - alike)
    left = 0 if end < 0 else len(a) - end
    return a[begin : len(a) - left], b[begin : len(b) - left]


def _agreed(most: int, agree: Callable[[int, int], bool]) -> int:
    """For how many bytes two texts agree, of at most so many: large steps first."""
    at, step = 0, _CHUNK
    while step:
        if at + step <= most and agree(at, at + step):
            at += step
        else:
            step //= 2
    return at


def _items(images: bytes) -> dict[bytes, None]:
    return {_ITEM + item.rstrip(b","): None for item in images.split(_ITEM)[1:]}


def _checked(sha256: str, load: Load) -> bytes:
    data = load(sha256)
    if digest(data) != sha256:
        raise PageIsDamaged(f"object {sha256} has other bytes than its name says")
    return data


P = TypeVar("P", Root, Leaf, Inner)


def _read(kind: type[P], sha256: str, load: Load) -> P:
    data = _checked(sha256, load)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise PageIsDamaged(f"object {sha256} is not part of a manifest") from error
