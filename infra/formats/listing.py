"""The files of a folder as a reader sees them: by name, wherever their bytes may be."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import PurePosixPath
from posixpath import commonpath
from typing import Final, NamedTuple

from domain.paths import normal_all
from infra.formats import images
from infra.formats.errors import FileIsHostile, FolderHasNoImages

MIB: Final = 2**20
AFTER_SLASH: Final = chr(ord("/") + 1)
_JUNK: Final = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


class File(NamedTuple):
    path: str
    size: int
    sha256: str


class Listing:
    """Every file once, by its path in NFC. Hidden files and what systems leave behind are ignored."""

    def __init__(self, files: Iterable[File], read: Callable[[str], bytes]) -> None:
        given = list(files)
        names = normal_all(file.path for file in given)
        found = {name: file for name, file in zip(names, given, strict=True) if not is_ignored(name)}
        self._read = read
        self._given = {name: file.path for name, file in found.items() if name != file.path}
        self.files = {
            file.path: file
            for name, file in sorted(found.items())
            for file in [file._replace(path=name) if name in self._given else file]
        }
        self.ignored = len(given) - len(self.files)
        self.images = [path for path in self.files if suffix(path) in images.SUFFIXES]
        if not self.images:
            raise FolderHasNoImages(f"there is no image in this folder; {self.seen()}")

    def read(self, path: str, most: int = MIB) -> bytes:
        """The bytes of a file that is not an image, which may have `most`."""
        data = self.read_image(path) if self.files[path].size <= most else None
        if data is None or len(data) > most:
            raise FileIsHostile(f"{path!r} is larger than {most:,} bytes, too large for what it is")
        return data

    def read_image(self, path: str) -> bytes:
        return self._read(self._given.get(path, path))

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that has an image somewhere below it."""
        return frozenset(
            str(place) for path in {folder(path) for path in self.images} for place in _and_above(PurePosixPath(path))
        )

    @cached_property
    def image_set(self) -> frozenset[str]:
        return frozenset(self.images)

    @cached_property
    def by_stem(self) -> "Nearby":
        return Nearby(self.images, stem)

    @cached_property
    def by_name(self) -> "Nearby":
        return Nearby(self.images, lambda path: path.rpartition("/")[2])

    @cached_property
    def common_folder(self) -> str:
        """The deepest folder that holds everything, '' where that is the listing itself."""
        return commonpath([folder(path) for path in self.files])

    def below(self, place: str) -> list[str]:
        """The images anywhere below a folder ('.' is the whole listing)."""
        if place == ".":
            return self.images
        first = bisect_left(self.images, f"{place}/")
        return self.images[first : bisect_left(self.images, f"{place}{AFTER_SLASH}", first)]

    def with_suffix(self, *suffixes: str) -> list[str]:
        return [path for path in self.files if suffix(path) in suffixes]

    def seen(self) -> str:
        kinds = Counter(suffix(path) or "no suffix" for path in self.files).most_common(5)
        tops = sorted({path.split("/")[0] + "/" * ("/" in path) for path in self.files})
        counted = ", ".join(f"{count} × {kind}" for kind, count in kinds) or "nothing"
        return f"seen: {counted}, in {', '.join(tops[:8]) or 'it'}{' …' if len(tops) > 8 else ''}"


class Nearby:
    """Images by what they are called, each found at once, however many are called the same."""

    def __init__(self, images: Iterable[str], called: Callable[[str], str]) -> None:
        self._beside: dict[tuple[str, str], list[str]] = {}
        self._around: dict[tuple[str, str], list[str]] = {}
        self._all: dict[str, list[str]] = {}
        for path in images:
            name, place = called(path), folder(path)
            self._beside.setdefault((place, name), []).append(path)
            self._around.setdefault((folder(place), name), []).append(path)
            self._all.setdefault(name, []).append(path)

    def nearest(self, path: str, name: str) -> str | None:
        """Of several images of one name the one beside the file, or beside its folder."""
        place = folder(path)
        near = self._beside.get((place, name)) or self._around.get((folder(place), name)) or self._all.get(name, [])
        return near[0] if len(near) == 1 else None


def suffix(path: str) -> str:
    """As pathlib has it, which is too slow for a million paths."""
    return path[_dot(path) :].lower()


def stem(path: str) -> str:
    return path[path.rfind("/") + 1 : _dot(path)]


def _dot(path: str) -> int:
    """Where the suffix begins, or the end of the path: a dot at either end of a name begins none."""
    dot = path.rfind(".")
    return dot if path.rfind("/") + 1 < dot < len(path) - 1 else len(path)


def _and_above(place: PurePosixPath) -> Iterator[PurePosixPath]:
    yield place
    yield from place.parents


def folder(path: str) -> str:
    return path.rpartition("/")[0]


def is_ignored(path: str) -> bool:
    return any(part.startswith(".") or part in _JUNK for part in path.split("/"))
