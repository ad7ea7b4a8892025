"""YOLO: for each image a text file with lines of `class x y width height`; classes and split stand in data.yaml.

Read in both orders of folders (`images/train`, `train/images`), with labels beside the images, and without a split.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from domain.content import Task
from domain.paths import quoted
from domain.report import Dropped
from infra.formats.assembly import checked_names
from infra.formats.listing import Listing, folder, stem
from infra.formats.sample import Box, Plan, Sample, refuse_too_many
from infra.formats.text import IsNotText, text
from infra.formats.yolo_data import KEYS, MOST_CLASSES, Description

NO_LABELS: Final = frozenset({"classes", "obj", "labels", "predefined_classes", "readme", "license", "notes", *KEYS})
IMAGE_FOLDERS: Final = ("images", "JPEGImages")


def is_this(listing: Listing) -> bool:
    if any(label_of(listing, image) for image in listing.images):
        return True
    named = any(part in IMAGE_FOLDERS for image in listing.images for part in image.split("/"))
    return named and not listing.with_suffix(".xml") and _description(listing) is not None


def plan(listing: Listing) -> Plan:
    description = Description(listing, _description(listing))
    classes = description.classes()
    given = description.sides()
    labels = {image: label_of(listing, image) for image in listing.images}
    alone = _labels_without_image(listing, labels)
    if not classes:
        description.warnings.append("no file names the classes, so they are called by their numbers")
    return Plan(
        task=Task.DETECTION,
        images=listing.images,
        sample=lambda image: _sample(listing, image, labels[image], classes),
        sources=dict(zip(checked_names(classes.values()), map(str, classes), strict=True)) or None,
        sides=given,
        dropped=[*description.dropped, *alone],
        warnings=description.warnings,
        labels=labels,
    )


def label_of(listing: Listing, image: str) -> str | None:
    """Where `images` is the last such folder on the way, the label is below `labels`; else it lies beside the image."""
    parts = folder(image).split("/")
    label = f"{stem(image)}.txt"
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] in IMAGE_FOLDERS:
            swapped = "/".join([*parts[:at], "labels", *parts[at + 1 :], label])
            if swapped in listing.files:
                return listing.files[swapped].path
            break
    beside = f"{folder(image)}/{label}".lstrip("/")
    return beside if beside in listing.files and stem(image).lower() not in NO_LABELS else None


def _description(listing: Listing) -> str | None:
    """data.yaml, or another YAML file that gives names; the one nearest to the top."""
    found = [path for path in listing.with_suffix(".yaml", ".yml") if (folder(path) or ".") in listing.folders]
    usual = [path for path in found if stem(path).lower() in ("data", "dataset")]
    other = (path for path in found if b"names" in listing.read(path))
    return min(usual or other, key=lambda path: (path.count("/"), path), default=None)


def _labels_without_image(listing: Listing, labels: Mapping[str, str | None]) -> Iterator[Dropped]:
    used = set(labels.values())
    beside = {folder(label) for label in used if label} | {folder(path) for path in listing.images}
    for path in listing.with_suffix(".txt"):
        is_label = folder(path) in beside or "labels" in path.split("/")[:-1]
        if path in used or not is_label or stem(path).lower() in NO_LABELS:
            continue
        yield Dropped(what="name", path=path, reason="belongs to no image that is there", boxes=_count(listing, path))


def _count(listing: Listing, path: str) -> int:
    try:
        return sum(bool(line.strip()) for line in text(listing.read(path)).splitlines())
    except IsNotText:
        return 0


def _sample(listing: Listing, image: str, label: str | None, classes: Mapping[int, str]) -> Sample:
    sample = Sample()
    if label is None:
        return sample
    try:
        lines = text(listing.read(label)).splitlines()
    except IsNotText as error:
        sample.fault = f"its label file {quoted(label)} {error}"
        return sample
    refuse_too_many(label, lines)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            _add(sample, image, f"{label}, line {number}", line.split(), classes)
    return sample


def _add(sample: Sample, image: str, where: str, fields: list[str], classes: Mapping[int, str]) -> None:
    try:
        sample.boxes.append(Box(where, _class(fields[0], classes), _edges(fields)))
    except ValueError as error:
        sample.wrong.append(Dropped(what="box", path=image, where=where, reason=str(error), boxes=1))


def _class(field: str, classes: Mapping[int, str]) -> str:
    number = _number(field)
    if not number.is_integer() or not 0 <= number < MOST_CLASSES:
        raise ValueError(f"has the class {quoted(field)}, which is no class number")
    if classes and int(number) not in classes:
        raise ValueError(f"has the class {quoted(field)}, which is not among the {len(classes)} classes")
    return classes[int(number)] if classes else str(int(number))


def _edges(fields: list[str]) -> tuple[float, float, float, float]:
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} columns instead of 5 (class x y width height)")
    x, y, width, height = map(_number, fields[1:])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _number(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        raise ValueError(f"has {quoted(field)} where a number must stand") from None
