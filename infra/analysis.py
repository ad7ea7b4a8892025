"""What a folder seems to be, from the names and sizes of its files alone: said before anything is sent."""

from collections.abc import Iterable

from domain.content import Layout, Task
from domain.tables import SIDES, Side
from domain.values import Count, Value
from infra.formats import File, detect, imagefolder, yolo
from infra.formats.listing import Listing
from infra.formats.sides import by_folder

MOST_PROBLEMS = 100


class Problem(Value):
    path: str
    reason: str


class Analysis(Value):
    layout: Layout
    task: Task
    images: Count
    labels: Count
    classes: tuple[str, ...] | None
    split: dict[Side, Count] | None
    problems: tuple[Problem, ...]


def analyzed(files: Iterable[File]) -> Analysis:
    """Raises Invalid where the folder would be refused as a whole."""
    listing = Listing(files, lambda path: b"")
    layout = detect(listing)
    sides = by_folder(listing.images)
    return Analysis(
        layout=layout,
        task=Task.CLASSIFICATION if layout is Layout.IMAGEFOLDER else Task.DETECTION,
        images=len(listing.images),
        labels=_labels(layout, listing),
        classes=tuple(imagefolder.plan(listing).sources or ()) if layout is Layout.IMAGEFOLDER else None,
        split={side: list(sides.values()).count(side) for side in SIDES} if sides else None,
        problems=_problems(listing),
    )


def _labels(layout: Layout, listing: Listing) -> int:
    if layout is Layout.YOLO:
        return sum(yolo.label_of(listing, image) is not None for image in listing.images)
    return len(listing.images) if layout is Layout.IMAGEFOLDER else len(listing.with_suffix(".xml"))


def _problems(listing: Listing) -> tuple[Problem, ...]:
    empty = (path for path in listing.images if listing.files[path].size == 0)
    return tuple(Problem(path=path, reason="is empty (0 bytes)") for path in list(empty)[:MOST_PROBLEMS])
