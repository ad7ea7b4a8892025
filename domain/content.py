"""What a dataset holds at one moment: its images by hash and in counts, their split, and both fixed under a tag."""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from domain.errors import Refused
from domain.groups import Grouped
from domain.values import ClassNames, Count, Finite, Sha256, Tag, Value


class Task(StrEnum):
    DETECTION = "detection"
    CLASSIFICATION = "classification"


class Layout(StrEnum):
    YOLO = "yolo"
    PASCAL_VOC = "pascal_voc"
    IMAGEFOLDER = "imagefolder"


class SplitMethod(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"
    STRATIFIED = "stratified"


class Ratios(Value):
    train: Annotated[Finite, Field(ge=0, le=1)]
    val: Annotated[Finite, Field(ge=0, le=1)]
    test: Annotated[Finite, Field(ge=0, le=1)]


USUAL: Final = Ratios(train=0.7, val=0.2, test=0.1)


class Content(Value):
    """What one revision holds, by the root hash of its manifest (domain/manifest.py) and in counts."""

    root: Sha256
    images: Count
    labelled_images: Count
    annotations: Count
    bytes: Count
    task: Task
    layout: Layout
    classes: ClassNames


class Split(Value):
    """Which image is on which side of one revision: the lists are an object, by its hash, and so are the
    tables of the classes of each side. Unless it came with the data, groups and exact copies are each on one side."""

    sha256: Sha256
    tables: Sha256
    root: Sha256
    method: SplitMethod
    ratios: Ratios | None
    seed: Count | None
    grouped: Grouped | None
    train: Count
    val: Count
    test: Count


class DatasetHasNoSplit(Refused):
    pass


class SplitHasAnEmptySide(Refused):
    pass


class Snapshot(Value):
    id: UUID
    tag: Tag
    root: Sha256
    images: Count
    split: Split | None

    def must_have_both_sides(self) -> None:
        """Something to learn from, and something else to choose the best epoch by."""
        if self.split is None:
            raise DatasetHasNoSplit(f"snapshot {self.tag!r} has no split; make one first")
        if empty := [side for side in ("train", "val") if not getattr(self.split, side)]:
            raise SplitHasAnEmptySide(
                f"the split of snapshot {self.tag!r} has no images for {empty[0]}; make another one first"
            )
