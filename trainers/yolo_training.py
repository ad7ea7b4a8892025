"""Ultralytics' own training loop, with the data of the job and a report of every batch and epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ultralytics.data.dataset import ClassificationDataset
from ultralytics.models.yolo.classify import ClassificationTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.callbacks import get_default_callbacks

from trainers import files
from trainers.base import Run
from trainers.registry import MODELS
from trainers.yolo_checkpoint import State
from trainers.yolo_data import Layout, check_batches
from trainers.yolo_settings import Settings
from trainers.yolo_watch import Watch

RAM_FOR_IMAGES = 2**30


class Guided:
    """Takes the layout as it is, and leaves the last evaluation to us."""

    def __init__(self, layout: Layout, **rest: Any) -> None:
        self.layout = layout
        super().__init__(**rest)

    def get_dataset(self) -> dict[str, Any]:
        return dict(self.layout.data)

    def final_eval(self) -> None:
        pass

    def _load_checkpoint_state(self, ckpt: Any) -> None:
        """On CUDA weights lie in memory in another order than elsewhere; the optimizer's state must lie as they do."""
        super()._load_checkpoint_state(ckpt)  # type: ignore[misc]
        for weight, state in self.optimizer.state.items():  # type: ignore[attr-defined]
            for name, tensor in state.items():
                if torch.is_tensor(tensor) and tensor.shape == weight.shape:
                    state[name] = torch.empty_like(weight).copy_(tensor)


class Detection(Guided, DetectionTrainer):  # type: ignore[misc]
    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        dataset = super().build_dataset(img_path, mode, batch)
        self.layout.check("train" if mode == "train" else "val", len(dataset.im_files))
        return dataset


class Classification(Guided, ClassificationTrainer):  # type: ignore[misc]
    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Folders are numbered, so their order is that of the classes; names given here could be mistaken for them."""
        dataset = ClassificationDataset(img_path, self.args, augment=mode == "train", prefix=mode, names=None)
        self.layout.check("train" if mode == "train" else "val", len(dataset.samples))
        return dataset


def train_epochs(run: Run, layout: Layout, settings: Settings, resumed: State | None) -> State:
    check_batches(run, settings.image_size)
    watch = Watch(run, settings, best_epoch=resumed.best_epoch if resumed else 0)
    callbacks = get_default_callbacks()
    for event, callback in watch.callbacks().items():
        callbacks[event].append(callback)
    build = Detection if run.job.task == "detection" else Classification
    build(layout, overrides=overrides(run, layout, settings, resumed), _callbacks=callbacks).train()
    assert watch.state is not None
    return watch.state


def overrides(run: Run, layout: Layout, settings: Settings, resumed: State | None) -> dict[str, Any]:
    where = {
        "data": layout.source,
        "device": settings.device,
        "save_dir": str(settings.folder),
        "workers": run.job.threads - 1,
        "cache": fits_into_memory(run, settings),
    }
    if resumed:
        return where | {"resume": str(settings.weights / "last.pt")}
    return where | recipe(run, settings) | {"model": source(run), "pretrained": starting_weights(run)}


def fits_into_memory(run: Run, settings: Settings) -> str | bool:
    return "ram" if len(run.entries) * settings.image_size**2 * 3 < RAM_FOR_IMAGES else False


def source(run: Run) -> str:
    ours = MODELS.parent / run.model.source
    return str(ours) if ours.is_file() else run.model.source


def starting_weights(run: Run) -> str | bool:
    if run.job.weights is None:
        return False
    named = run.job.folder / "weights.pt"
    named.unlink(missing_ok=True)
    files.link(Path(run.job.weights.path).absolute(), named)
    return str(named)


def recipe(run: Run, settings: Settings) -> dict[str, Any]:
    """The parameters in ultralytics' words; every batch is a step (nbs), and what would need the network is off."""
    wanted = run.parameters
    colour = {} if wanted["colour"] else {"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0}
    shared = {"epochs", "batch", "optimizer", "weight_decay", "warmup_epochs", "patience", "seed", "mosaic", "scale"}
    return {
        **{name: value for name, value in wanted.items() if name in shared | {"translate"}},
        **colour,
        **augmentation(wanted),
        "imgsz": settings.image_size,
        "lr0": wanted["learning_rate"],
        "lrf": wanted["final_rate"],
        "cos_lr": wanted["cosine"],
        "nbs": wanted["batch"],
        "deterministic": False,
        "amp": False,
        "plots": False,
        "exist_ok": True,
    }


def augmentation(wanted: Mapping[str, Any]) -> dict[str, Any]:
    theirs = {"flip": "fliplr", "rotate": "degrees", "erase": "erasing"}
    return {theirs[name]: value for name, value in wanted.items() if name in theirs}
