"""Listens to ultralytics' loop: says what happens, and packs a checkpoint after every epoch."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from trainers import yolo_checkpoint
from trainers.base import Run
from trainers.yolo_checkpoint import State
from trainers.yolo_settings import Settings

NAMES = {
    "metrics/precision(B)": "val/precision",
    "metrics/recall(B)": "val/recall",
    "metrics/mAP50(B)": "val/map50",
    "metrics/mAP50-95(B)": "val/map50_95",
    "metrics/accuracy_top1": "val/accuracy",
    "metrics/accuracy_top5": "val/top5",
}
RETRIES = 3  # after as many, ultralytics lets an error about memory through


class Watch:
    def __init__(self, run: Run, settings: Settings, best_epoch: int) -> None:
        self.run = run
        self.settings = settings
        self.best_epoch = best_epoch
        self.state: State | None = None
        self.batch = 0
        self.began = 0.0

    def callbacks(self) -> dict[str, Callable[[Any], None]]:
        return {
            "on_pretrain_routine_end": self.restore_threads,
            "on_train_epoch_start": self.begin_epoch,
            "on_train_batch_end": self.end_batch,
            "on_fit_epoch_end": self.end_epoch,
        }

    def restore_threads(self, trainer: Any) -> None:
        torch.set_num_threads(self.run.job.threads)  # ultralytics takes one core less than there are

    def begin_epoch(self, trainer: Any) -> None:
        """Out of memory, it would go on with ever smaller batches: another recipe than was asked for and is said."""
        trainer._oom_retries = RETRIES
        self.batch = 0
        self.began = time.monotonic()

    def end_batch(self, trainer: Any) -> None:
        self.batch += 1
        batches = len(trainer.train_loader)
        self.run.report.batch(trainer.epoch + 1, self.batch, batches, lambda: losses(trainer, trainer.loss_items))

    def end_epoch(self, trainer: Any) -> None:
        epoch = trainer.epoch + 1
        if trainer.fitness == trainer.best_fitness:
            self.best_epoch = epoch
        self.run.report.say(
            "epoch",
            epoch=epoch,
            epochs=trainer.epochs,
            metrics=losses(trainer, trainer.tloss) | validation(trainer.metrics),
            seconds=time.monotonic() - self.began,
        )
        product = yolo_checkpoint.pack(self.run, self.settings.weights, self.state_after(epoch, bool(trainer.stop)))
        self.run.checkpoint(epoch, product)

    def state_after(self, epoch: int, finished: bool) -> State:
        self.state = State.of(self.run, epoch, self.best_epoch, finished)
        return self.state


def losses(trainer: Any, items: Mapping[str, Any]) -> dict[str, float]:
    rate = float(trainer.optimizer.param_groups[0]["lr"])
    return {f"train/{name}": float(value) for name, value in items.items()} | {"learning_rate": rate}


def validation(metrics: Mapping[str, float]) -> dict[str, float]:
    return {NAMES.get(name, name): float(value) for name, value in metrics.items()}
