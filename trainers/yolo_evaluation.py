"""The last word on a model: the test side, seen once, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ultralytics.data.dataset import ClassificationDataset
from ultralytics.models.yolo.classify import ClassificationValidator
from ultralytics.models.yolo.detect import DetectionValidator

from trainers import scores
from trainers.base import Run
from trainers.yolo_data import Layout
from trainers.yolo_settings import Settings

SURE_ENOUGH = 0.25


@dataclass(frozen=True)
class Verdict:
    metrics: Mapping[str, float]
    per_class: Sequence[Mapping[str, Any]]
    confusion_matrix: Mapping[str, Any] | None


class Detection(DetectionValidator):  # type: ignore[misc]
    def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
        """The framework counts confusions only while it draws plots."""
        super().update_metrics(preds, batch)
        for place, pred in enumerate(preds):
            self.confusion_matrix.process_batch(pred, self._prepare_batch(place, batch), conf=SURE_ENOUGH)


class Classification(ClassificationValidator):  # type: ignore[misc]
    def build_dataset(self, img_path: str) -> Any:
        return ClassificationDataset(img_path, self.args, augment=False, prefix=self.args.split, names=None)


def examine(run: Run, layout: Layout, settings: Settings, model: Path) -> Verdict:
    if not layout.placed["test"]:
        return Verdict({}, [], None)
    examiner = (Detection if run.job.task == "detection" else Classification)(
        save_dir=settings.folder / "test", args=arguments(run, layout, settings)
    )
    examiner.callbacks["on_val_start"].append(lambda _: torch.set_num_threads(run.job.threads))
    examiner(model=str(model))
    return (detected if run.job.task == "detection" else classified)(run, layout, examiner)


def arguments(run: Run, layout: Layout, settings: Settings) -> dict[str, Any]:
    return {
        "task": "detect" if run.job.task == "detection" else "classify",
        "data": layout.source,
        "split": "test",
        "imgsz": settings.image_size,
        "batch": run.whole("batch") * 2,
        "device": settings.device,
        "workers": run.job.threads - 1,
        "plots": False,
    }


def detected(run: Run, layout: Layout, examiner: Detection) -> Verdict:
    layout.check("test", examiner.seen)
    boxes = examiner.metrics.box
    metrics = {"precision": boxes.mp, "recall": boxes.mr, "map50": boxes.map50, "map50_95": boxes.map}
    rows = [[int(count) for count in row] for row in examiner.confusion_matrix.matrix.T]
    return Verdict(
        {f"test/{name}": float(value) for name, value in metrics.items()},
        [class_scores(index, name, examiner.metrics) for index, name in enumerate(run.job.classes)],
        {"classes": [*run.job.classes, "background"], "rows": rows},
    )


def class_scores(index: int, name: str, metrics: Any) -> dict[str, Any]:
    counted = {"class": name, "images": int(metrics.nt_per_image[index]), "instances": int(metrics.nt_per_class[index])}
    places = list(metrics.ap_class_index)
    if index not in places:
        return counted
    figures = zip(("precision", "recall", "ap50", "ap50_95"), metrics.class_result(places.index(index)), strict=True)
    return counted | {figure: float(value) for figure, value in figures}


def classified(run: Run, layout: Layout, examiner: Classification) -> Verdict:
    true = [int(target) for targets in examiner.targets for target in targets]
    layout.check("test", len(true))
    said = [int(best[0]) for batch in examiner.pred for best in batch]
    rows = scores.confusion(zip(true, said, strict=True), len(run.job.classes))
    metrics = {"test/accuracy": scores.accuracy(rows), "test/top5": float(examiner.metrics.top5)}
    return Verdict(metrics, scores.per_class(run.job.classes, rows), {"classes": list(run.job.classes), "rows": rows})
