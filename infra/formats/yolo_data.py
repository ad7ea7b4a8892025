"""What YOLO's data.yaml says: the classes, and which images are on which side."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from domain.paths import composed
from domain.report import Dropped
from domain.tables import Side
from infra.formats import sides
from infra.formats.errors import ClassesMakeNoSense
from infra.formats.listing import MIB, Listing, folder
from infra.formats.text import IsNotText, text, yaml_mapping

KEYS: Final[dict[str, Side]] = {"train": "train", "val": "val", "valid": "val", "test": "test"}
MOST_LIST: Final = 64 * MIB
LONGEST_NAME: Final = 1_000
MOST_CLASSES: Final = 2_000


class Description:
    """The file, read once; with no file, the folder's own lists and names say what they can."""

    def __init__(self, listing: Listing, path: str | None) -> None:
        self.listing = listing
        self.base = folder(path) if path else listing.common_folder
        self.data = yaml_mapping(path, listing.read(path)) if path else {}
        self.path = path or "classes.txt"
        named = self.data.get("path")
        self.folder_name = named[:LONGEST_NAME] if isinstance(named, str) else ""
        self.dropped: list[Dropped] = []
        self.warnings: list[str] = []

    def classes(self) -> dict[int, str]:
        """Names by number, or nothing where nobody wrote them down."""
        names = self.data.get("names", self._from_text())
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict) or not all(type(key) is int and 0 <= key < MOST_CLASSES for key in names):
            raise ClassesMakeNoSense(
                f"{self.path!r} must give `names` as a list, or as numbers below {MOST_CLASSES:,} with names"
            )
        named = {number: self._word(name) for number, name in sorted(names.items())}
        count = self.data.get("nc")
        if not named and type(count) is int and 0 < count <= MOST_CLASSES:
            return {number: str(number) for number in range(count)}
        if count is not None and count != len(named):
            self.warnings.append(f"{self.path!r} has another number as nc than its {len(named)} names; the names count")
        return named

    def _word(self, name: Any) -> str:
        if isinstance(name, str):
            return composed(name).strip()
        if isinstance(name, int | float) and abs(name) < 2**53:
            return str(name)
        raise ClassesMakeNoSense(f"{self.path!r} has a class name that is no text")

    def _from_text(self) -> list[str]:
        for path in sorted(self.listing.with_suffix(".txt", ".names"), key=lambda path: (path.count("/"), path)):
            if path.rpartition("/")[2].lower() in ("classes.txt", "obj.names", "predefined_classes.txt"):
                return [line.strip() for line in self._lines(path) if line.strip()]
        return []

    def sides(self) -> dict[str, Side]:
        """What data.yaml says, else lists of names, else names of folders."""
        given = {side: self.data[key] for key, side in KEYS.items() if self.data.get(key)}
        if not given:
            given = {side: f"{key}.txt" for key, side in KEYS.items() if self._place(f"{key}.txt")}
        if not given:
            return sides.by_folder(self.listing.images)
        return sides.by_lists({side: self.named(value) for side, value in given.items()}, self.warnings)

    def named(self, value: Any) -> list[str]:
        places = set()
        for name in value if isinstance(value, list) else [value]:
            place = self._place(name) if isinstance(name, str) and len(name) <= LONGEST_NAME else None
            if place is None:
                self.dropped += sides.missing(self.path, [("its split", name if isinstance(name, str) else "no text")])
            else:
                places.add(place)
        listed = [image for place in sorted(places & self.listing.files.keys()) for image in self._listed(place)]
        within = [
            image for place in _outermost(places - self.listing.files.keys()) for image in self.listing.below(place)
        ]
        return listed + within

    def _listed(self, path: str) -> list[str]:
        found, lost = [], []
        for number, line in enumerate(self._lines(path), start=1):
            if name := line.strip():
                image = self._image(name)
                found += [image] if image else []
                lost += [] if image else [(f"line {number}", name[:LONGEST_NAME])]
        self.dropped += sides.missing(path, lost)
        return found

    def _lines(self, path: str) -> list[str]:
        try:
            return text(self.listing.read(path, MOST_LIST)).splitlines()
        except IsNotText as error:
            raise ClassesMakeNoSense(f"{path!r} {error}") from error

    def _place(self, name: str) -> str | None:
        """The folder or list that is meant. Such files name places on the machine where they were written: `..` is
        passed over, and an absolute name is known by its end. Nothing outside the listing is ever opened."""
        parts = _parts(name)
        if name.startswith("/") or name[1:2] == ":":
            ends = [parts[at:] for at in range(len(parts))]
            wanted = [end for end in ends if len(end) > 1 or end[0].lower() in sides.FOLDERS or end[0].endswith(".txt")]
        else:
            path = _parts(self.folder_name)
            wanted = [[*path[at:], *parts] for at in range(len(path) + 1)]
        places = (self._below_base(end) for end in wanted)
        return next((place for place in places if place in self.listing.folders or place in self.listing.files), None)

    def _image(self, name: str) -> str | None:
        parts = _parts(name[:LONGEST_NAME])
        ends = (self._below_base(parts[at:]) for at in range(len(parts)))
        return next((end for end in ends if end in self.listing.image_set), None)

    def _below_base(self, parts: list[str]) -> str:
        return "/".join([self.base, *parts] if self.base else parts) or "."


def _parts(name: str) -> list[str]:
    return [part for part in composed(name).replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _outermost(folders: Iterable[str]) -> Iterator[str]:
    """Those that lie in none of the others, so that no image is counted twice."""
    last: list[str] | None = None
    for parts in sorted([] if place == "." else place.split("/") for place in folders):
        if last is None or parts[: len(last)] != last:
            last = parts
            yield "/".join(parts) or "."
