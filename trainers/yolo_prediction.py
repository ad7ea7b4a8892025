"""A trained YOLO model, asked about images."""

from math import isfinite
from pathlib import Path
from typing import Any

import numpy
from PIL.Image import Image
from ultralytics import YOLO

from trainers.base import Found
from trainers.failures import data_error
from trainers.job import Task

TASKS: dict[str, Task] = {"detect": "detection", "classify": "classification"}


class Looker:
    def __init__(self, model: Path, confidence: float, device: str) -> None:
        self.yolo = opened(model)
        self.task = TASKS[self.yolo.task]
        self.asked = {"conf": confidence, "device": device, "verbose": False}

    @property
    def classes(self) -> list[str]:
        return list(self.yolo.names.values())

    def look(self, image: Image) -> list[Found]:
        pixels = numpy.ascontiguousarray(numpy.asarray(image)[..., ::-1])  # it reads arrays as blue, green, red
        result = self.yolo.predict(pixels, **self.asked)[0]
        return boxes(result) if self.task == "detection" else probabilities(result)


def opened(model: Path) -> Any:
    try:
        return YOLO(str(model))
    except (TypeError, KeyError) as error:
        raise data_error(f"{model.name} is not a model of ultralytics: {error}") from error


def boxes(result: Any) -> list[Found]:
    """A model that diverged says boxes without end or area; those are none."""
    rows = zip(result.boxes.cls.tolist(), result.boxes.conf.tolist(), result.boxes.xywhn.tolist(), strict=True)
    found = [Found(result.names[int(index)], score, (x, y, w, h)) for index, score, (x, y, w, h) in rows]
    return [one for one in found if one.box and all(map(isfinite, one.box)) and min(one.box[2:]) > 0]


def probabilities(result: Any) -> list[Found]:
    """Every class, the likeliest first."""
    found = [Found(result.names[index], score) for index, score in enumerate(result.probs.data.tolist())]
    return sorted(found, key=lambda one: -one.score)
