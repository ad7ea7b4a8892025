"""Pascal VOC: for each image an XML file with boxes in pixels, in `Annotations` or beside the image.

Boxes are edges counted from 0, as today's tools write them: a box whose edges coincide has no area. Classes are the
names found, sorted, or the lines of `classes.txt`. `ImageSets/Main` gives the split.
"""

from typing import Final
from xml.etree.ElementTree import Element

from domain.content import Task
from domain.paths import composed, quoted
from domain.report import Dropped
from domain.tables import SIDES, Side
from infra.formats import images, sides
from infra.formats.errors import ClassesMakeNoSense
from infra.formats.listing import MIB, Listing, folder, stem, suffix
from infra.formats.sample import Box, Plan, Sample, refuse_too_many
from infra.formats.text import IsNotText, text, xml

SETS: Final = "ImageSets/Main/"
MOST_LIST: Final = 64 * MIB
LARGEST: Final = 10**6
EDGES: Final = ("xmin", "ymin", "xmax", "ymax")


def is_this(listing: Listing) -> bool:
    images = {stem(image) for image in listing.images}
    return any(stem(path) in images or "Annotations" in path.split("/") for path in listing.with_suffix(".xml"))


def plan(listing: Listing) -> Plan:
    warnings: list[str] = []
    annotations, alone = _annotations(listing)
    given, lost = _split(listing, warnings)
    classes = _classes(listing)
    return Plan(
        task=Task.DETECTION,
        images=listing.images,
        sample=lambda image: _sample(listing, image, annotations.get(image)),
        sources={name: name for name in classes} if classes else None,
        sides=given,
        dropped=[*alone, *lost],
        warnings=warnings,
        labels=annotations,
    )


def _annotations(listing: Listing) -> tuple[dict[str, str], list[Dropped]]:
    """Which XML file is about which image, and those that are about none."""
    about: dict[str, str] = {}
    alone = []
    for path in listing.with_suffix(".xml"):
        image = listing.by_stem.nearest(path, stem(path))
        name = None if image else _filename(listing, path)
        if image is None and name:
            image = listing.by_name.nearest(path, name)
        if image is None or image in about:
            alone.append(_alone(listing, path, image, name))
        else:
            about[image] = path
    return about, alone


def _alone(listing: Listing, path: str, image: str | None, name: str | None) -> Dropped:
    reason = (
        f"is the second file about {quoted(image)}"
        if image
        else f"is about {quoted(name or stem(path))}, which is not there"
    )
    try:
        boxes = len(xml(path, listing.read(path)).findall("object"))
    except IsNotText:
        boxes = 0
    return Dropped(what="name", path=path, reason=reason, boxes=boxes)


def _filename(listing: Listing, path: str) -> str | None:
    try:
        name = xml(path, listing.read(path)).findtext("filename") or ""
    except IsNotText:
        return None
    return composed(name.strip().replace("\\", "/").rpartition("/")[2])


def _classes(listing: Listing) -> list[str]:
    found = [path for path in listing.with_suffix(".txt") if stem(path).lower() in ("classes", "predefined_classes")]
    if not found:
        return []
    try:
        lines = text(listing.read(min(found, key=lambda path: (path.count("/"), path)))).splitlines()
    except IsNotText as error:
        raise ClassesMakeNoSense(f"{found[0]!r} {error}") from error
    return [composed(line).strip() for line in lines if line.strip()]


def _split(listing: Listing, warnings: list[str]) -> tuple[dict[str, Side], list[Dropped]]:
    lists: dict[str, list[str]] = {}
    lost: list[Dropped] = []
    for path in listing.with_suffix(".txt"):
        if f"/{path}".endswith((f"/{SETS}train.txt", f"/{SETS}val.txt", f"/{SETS}test.txt", f"/{SETS}trainval.txt")):
            lists.setdefault(stem(path), []).extend(_listed(listing, path, lost))
    if "train" not in lists and "trainval" in lists:
        lists["train"] = sorted(set(lists["trainval"]) - set(lists.get("val", ())))
    if not lists:
        return sides.by_folder(listing.images), lost
    return sides.by_lists({side: lists[side] for side in SIDES if side in lists}, warnings), lost


def _listed(listing: Listing, path: str, lost: list[Dropped]) -> list[str]:
    try:
        lines = text(listing.read(path, MOST_LIST)).splitlines()
    except IsNotText as error:
        lost.append(Dropped(what="name", path=path, reason=str(error)))
        return []
    named = [(f"line {number}", line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    found = {where: _image_named(listing, path, name) for where, name in named}
    lost += sides.missing(path, [(where, name) for where, name in named if found[where] is None])
    return [image for image in found.values() if image]


def _image_named(listing: Listing, path: str, name: str) -> str | None:
    """Lists hold names without a suffix, some with a column of -1, 0 or 1 behind them."""
    for each in (composed(name), composed(name).split()[0]):
        bare = stem(each) if suffix(each) in images.SUFFIXES else each
        if image := listing.by_stem.nearest(folder(path), bare):
            return image
    return None


def _sample(listing: Listing, image: str, annotation: str | None) -> Sample:
    sample = Sample(size=None)
    if annotation is None:
        return sample
    try:
        root = xml(annotation, listing.read(annotation))
        sample.size = _size(root)
    except IsNotText as error:
        sample.fault = f"its annotation {quoted(annotation)} {error}"
        return sample
    if root.tag != "annotation":
        sample.fault = f"its annotation {quoted(annotation)} is no <annotation>"
        return sample
    items = root.findall("object")
    refuse_too_many(annotation, items)
    for number, item in enumerate(items, start=1):
        where = f"{annotation}, object {number}"
        try:
            sample.boxes.append(Box(where, _name(item), _edges(item)))
        except ValueError as error:
            sample.wrong.append(Dropped(what="box", path=image, where=where, reason=str(error), boxes=1))
        for mark in ("difficult", "truncated", "occluded"):
            sample.notes[f"boxes are marked {mark}; they are kept as ordinary ones"] += item.findtext(mark, "0") == "1"
    return sample


def _size(root: Element) -> tuple[int, int] | None:
    try:
        width, height = (int(root.findtext(f"size/{name}", "0")) for name in ("width", "height"))
    except ValueError:
        return None
    if max(width, height) > LARGEST:
        raise IsNotText("declares a size that no image has")
    return (width, height) if width > 0 and height > 0 else None


def _name(item: Element) -> str:
    name = composed(item.findtext("name") or "").strip()
    if not name:
        raise ValueError("has no class name")
    return name


def _edges(item: Element) -> tuple[float, float, float, float]:
    texts = [item.findtext(f"bndbox/{edge}") for edge in EDGES]
    try:
        left, top, right, bottom = (float(each or "") for each in texts)
    except ValueError:
        raise ValueError(f"has no box of four numbers, but {quoted(str(texts))}") from None
    return left, top, right, bottom
