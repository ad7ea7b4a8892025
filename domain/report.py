"""What became of a folder on its way in: nothing is lost in silence."""

import json
from typing import Literal, Self

from pydantic import model_validator

from domain.content import Layout, Task
from domain.tables import Side, SideTable
from domain.values import Count, Value


class Dropped(Value):
    """Something left out. `path` is the file a person should look at; `boxes` is how many labels went with it."""

    what: Literal["image", "box", "name"]
    path: str
    where: str | None = None
    reason: str
    boxes: Count = 0


class ClassMapping(Value):
    """A class of the dataset, by what name or number it went in there, and how often it came out."""

    name: str
    number: Count
    source: str
    images: Count
    annotations: Count


class Report(Value):
    layout: Layout
    task: Task
    images_in: Count
    images_out: Count
    boxes_in: Count
    boxes_out: Count
    unlabelled: Count
    dropped: tuple[Dropped, ...]
    classes: tuple[ClassMapping, ...]
    split: dict[Side, Count] | None
    sides: tuple[SideTable, ...] = ()
    duplicates: tuple[tuple[str, ...], ...]
    ignored: Count
    warnings: tuple[str, ...]

    @model_validator(mode="after")
    def _nothing_is_lost_in_silence(self) -> Self:
        lost_images = sum(each.what == "image" for each in self.dropped)
        lost_boxes = sum(each.boxes for each in self.dropped)
        if (self.images_in, self.boxes_in) != (self.images_out + lost_images, self.boxes_out + lost_boxes):
            raise ValueError("what went in must have come out or be named as left out")
        return self

    def canonical(self) -> bytes:
        data = self.model_dump(mode="json")
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
