"""The images and labels of a job in the folders that YOLO reads, by links: exactly the split that was given."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers import files, images
from trainers.base import Run
from trainers.entries import SIDES, Entry, on
from trainers.failures import data_error
from trainers.job import Side

# Ultralytics goes by the name when it lists images, and by the content when it reads them.
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
SMALLEST_FOR_ONE = 64


@dataclass(frozen=True)
class Layout:
    data: Mapping[str, Any]
    source: str
    placed: Mapping[Side, Mapping[Path, Entry]]

    def check(self, side: Side, taken: int) -> None:
        """It leaves out images that it cannot use, with a warning only: here that is a failure with a name."""
        if taken == len(self.placed[side]):
            return
        images.check_all((file, entry.path) for file, entry in self.placed[side].items())
        raise data_error(
            f"ultralytics took {taken} of the {len(self.placed[side])} images on the {side} side: one has fewer "
            f"than 10 pixels on a side, a format that it does not read, or a box outside the image"
        )


def lay_out(run: Run) -> Layout:
    folder = run.job.folder / "data"
    shutil.rmtree(folder, ignore_errors=True)
    place = place_for_detection if run.job.task == "detection" else place_for_classification
    placed = {
        side: {place(run, folder, number, entry): entry for number, entry in enumerate(on(side, run.entries))}
        for side in SIDES
    }
    inner = folder / "images" if run.job.task == "detection" else folder
    paths = {str(side): str(inner / side) for side in SIDES if placed[side]}
    names: dict[str, Any] = {"nc": len(run.job.classes), "names": dict(enumerate(run.job.classes)), "channels": 3}
    return Layout({"path": str(folder), **paths, **names}, describe(run, folder, paths), placed)


def place_for_detection(run: Run, folder: Path, number: int, entry: Entry) -> Path:
    image = folder / "images" / entry.side / f"{number:08d}{suffix(entry)}"
    files.link(run.blobs / entry.sha256, image)
    labels = folder / "labels" / entry.side / f"{number:08d}.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text("".join(f"{label.index} {' '.join(label.box or ())}\n" for label in entry.labels))
    return image


def place_for_classification(run: Run, folder: Path, number: int, entry: Entry) -> Path:
    for index in range(len(run.job.classes)):
        (folder / entry.side / f"{index:06d}").mkdir(parents=True, exist_ok=True)
    image = folder / entry.side / f"{entry.labels[0].index:06d}" / f"{number:08d}{suffix(entry)}"
    files.link(run.blobs / entry.sha256, image)
    return image


def suffix(entry: Entry) -> str:
    found = Path(entry.path).suffix.lower()
    return found if found in SUFFIXES else ".png"


def describe(run: Run, folder: Path, paths: Mapping[str, str]) -> str:
    """The data.yaml that a separate evaluation reads (JSON is YAML); it takes the names from the model itself."""
    if run.job.task == "classification":
        return str(folder)
    numbered = [f"{index:06d}" for index in range(len(run.job.classes))]
    file = folder / "data.yaml"
    file.write_text(json.dumps({"path": str(folder), **paths, "names": numbered}))
    return str(file)


def check_batches(run: Run, image_size: int) -> None:
    """In small pictures a batch of one gives batch norm a single value to learn from: it refuses in other words."""
    batch, images = run.whole("batch"), len(on("train", run.entries))
    if image_size < SMALLEST_FOR_ONE and (images % batch or batch) == 1:
        raise data_error(f"a batch of {batch} leaves one of the {images} training images alone; choose another batch")
