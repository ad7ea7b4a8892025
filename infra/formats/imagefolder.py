"""ImageFolder: a folder for each class (`cat/1.jpg`), perhaps below folders for the sides (`train/cat/1.jpg`)."""

from typing import Final

from domain.content import Task
from infra.formats import sides
from infra.formats.listing import Listing
from infra.formats.sample import Box, Plan, Sample

NO_CLASSES: Final = frozenset({"images", "image", "img", "imgs", "jpegimages", "photos", "pictures", "data"})


def is_this(listing: Listing) -> bool:
    return any(name.lower() not in NO_CLASSES for name in _classes(listing).values())


def plan(listing: Listing) -> Plan:
    classes = _classes(listing)
    names = sorted(set(classes.values()))
    given = sides.by_folder(listing.images) if _has_sides(_below_wrapper(listing)) else {}
    return Plan(
        task=Task.CLASSIFICATION,
        images=listing.images,
        sample=lambda image: _sample(classes.get(image)),
        sources={name: f"{name}/" for name in names},
        sides=given if len(set(given.values())) > 1 else {},
        dropped=[],
        warnings=["there is one class only"] if len(names) == 1 else [],
    )


def _sample(name: str | None) -> Sample:
    if name is None:
        return Sample(fault="stands in no class folder")
    return Sample(boxes=[Box("its folder", name, None)])


def _classes(listing: Listing) -> dict[str, str]:
    """The class of each image that has one: the first folder, below that of its side where there are sides."""
    found = _below_wrapper(listing)
    if _has_sides(found):
        found = {image: parts[1:] for image, parts in found.items() if parts and parts[0].lower() in sides.FOLDERS}
    return {image: parts[0] for image, parts in found.items() if parts}


def _below_wrapper(listing: Listing) -> dict[str, list[str]]:
    """The folders on the way to each image, without those around the whole (`digits/train/…`, `archive/cats/…`)."""
    found = {image: image.split("/")[:-1] for image in listing.images}
    while len(tops := {parts[0] if parts else "" for parts in found.values()}) == 1:
        top = tops.pop()
        if not top or top.lower() in sides.FOLDERS or all(len(parts) == 1 for parts in found.values()):
            break
        found = {image: parts[1:] for image, parts in found.items()}
    return found


def _has_sides(found: dict[str, list[str]]) -> bool:
    tops = {parts[0].lower() for parts in found.values() if parts}
    named = {sides.FOLDERS[top] for top in tops if top in sides.FOLDERS}
    return "train" in named and (len(named) > 1 or tops <= sides.FOLDERS.keys())
