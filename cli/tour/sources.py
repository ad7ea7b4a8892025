"""What the demo trains on: real handwritten digits, or a folder of one's own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.digits import SCENES, write_digits, write_never_seen, write_scenes
from cli.tour import Tour

# A folder of one's own holds photographs: larger than the digits, and fewer of them.
LARGER = {"detection": {"image_size": 256, "epochs": 6, "batch": 8}, "classification": {"image_size": 64}}


@dataclass(frozen=True)
class Source:
    name: str
    folder: Path
    never_seen: Path | None = None
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)


def sources(tour: Tour) -> Iterator[Source]:
    """One after the other: the first can train while the second is made."""
    if tour.wishes.folder:
        yield Source(tour.wishes.folder.resolve().name, tour.wishes.folder, None, LARGER)
        return
    never_seen = write_never_seen(tour.work / "never-seen", count=1)
    for name, write, picture in zip(("digit-scenes", "digits"), (scenes, digits), never_seen, strict=True):
        yield Source(name, composed(tour, name, write), picture)


def composed(tour: Tour, name: str, write: Callable[[Tour, Path], Path]) -> Path:
    begun = time.monotonic()
    folder = write(tour, tour.work / name)
    what = "scenes composed from" if write is scenes else "folder per class of"
    tour.stage.done(
        f"{name}: {what} real handwritten digits, divided 60/20/20 before ({time.monotonic() - begun:.1f} s)"
    )
    return folder


def scenes(tour: Tour, folder: Path) -> Path:
    return write_scenes(folder, share(tour.wishes.images))


def digits(tour: Tour, folder: Path) -> Path:
    return write_digits(folder, most=tour.wishes.images and max(20, tour.wishes.images // 3))


def share(images: int | None) -> dict[str, int]:
    if images is None:
        return dict(SCENES)
    return {side: round(images * count / sum(SCENES.values())) for side, count in SCENES.items()}
