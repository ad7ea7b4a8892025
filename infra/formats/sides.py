"""A split that comes with the data: by folder names, or by lists of names."""

from collections.abc import Iterable, Mapping
from typing import Final

from domain.paths import quoted
from domain.report import Dropped
from domain.tables import SIDES, Side

FOLDERS: Final[dict[str, Side]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
MOST_NAMED: Final = 100


def side_of_folder(path: str) -> Side | None:
    """The first folder on the way to the image that is named like a side."""
    return next((FOLDERS[part.lower()] for part in path.split("/")[:-1] if part.lower() in FOLDERS), None)


def by_folder(images: Iterable[str]) -> dict[str, Side]:
    """Sides by folder names; none at all where there is no training side."""
    sides = {path: side for path in images if (side := side_of_folder(path))}
    return sides if "train" in sides.values() else {}


def by_lists(lists: Mapping[Side, Iterable[str]], warnings: list[str]) -> dict[str, Side]:
    """Sides by lists of images; an image of several lists stays in the first, and a copy of a list is no side."""
    sides: dict[str, Side] = {}
    for side in SIDES:
        named = set(lists.get(side, ()))
        again = named & sides.keys()
        if again and again == named:
            warnings.append(f"the {side} side has no images but those of other sides, so it is not used")
        elif again:
            warnings.append(f"{len(again)} images of the {side} side are on another side already, and stay there")
        sides |= dict.fromkeys(named - again, side)
    return sides if len(set(sides.values())) > 1 else {}


def missing(path: str, names: list[tuple[str, str]]) -> list[Dropped]:
    """Names in a list (with where they stand) that no image has; after many, the rest in one line."""
    found = [
        Dropped(what="name", path=path, where=where, reason=f"names {quoted(name)}, which is not there")
        for where, name in names[:MOST_NAMED]
    ]
    if more := len(names) - len(found):
        found.append(Dropped(what="name", path=path, reason=f"names {more} more images that are not there"))
    return found
