"""One course of training with timm: AdamW under a one-cycle rate, and all that a checkpoint must hold to go on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import timm
import torch
from torch.nn import functional

from trainers import scores, timm_data
from trainers.base import Run
from trainers.failures import TrainingFailed
from trainers.timm_data import Side

TOP = 5
HOPELESS = 3


@dataclass(frozen=True)
class Marks:
    """How a side was answered."""

    loss: float
    accuracy: float
    top5: float
    rows: scores.Rows

    def as_metrics(self, side: str) -> dict[str, float]:
        return {f"{side}/loss": self.loss, f"{side}/accuracy": self.accuracy, f"{side}/top5": self.top5}

    @property
    def rank(self) -> tuple[float, float]:
        return self.accuracy, -self.loss if math.isfinite(self.loss) else -math.inf


class Course:
    def __init__(self, run: Run, device: str, images: int) -> None:
        torch.manual_seed(run.whole("seed"))
        torch.backends.cudnn.deterministic = True  # else no two trainings on CUDA are the same, nor one that goes on
        self.run = run
        self.device = device
        self.model = timm.create_model(run.model.source, pretrained=False, num_classes=len(run.job.classes)).to(device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=run.number("learning_rate"), weight_decay=run.number("weight_decay")
        )
        self.batches = len(timm_data.shuffled(images, run.whole("batch")))
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, run.number("learning_rate"), total_steps=self.batches * run.whole("epochs") + 1
        )
        self.epoch = self.best_epoch = self.lost_epochs = 0
        self.best_rank = (-1.0, -math.inf)
        self.best: dict[str, torch.Tensor] = {}

    @property
    def finished(self) -> bool:
        patience = self.run.whole("patience")
        return self.epoch >= self.run.whole("epochs") or 0 < patience <= self.epoch - self.best_epoch

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def train(self, side: Side) -> float:
        """One epoch; the mean loss."""
        self.model.train()
        total = torch.zeros((), device=self.device)
        order = timm_data.shuffled(len(side.entries), self.run.whole("batch"))
        for number, (pixels, targets) in enumerate(side.batches(order), 1):
            loss = self.step(pixels.to(self.device), targets.to(self.device))
            total += loss * len(targets)
            self.report(number, loss)
        self.epoch += 1
        return self.judged(float(total) / len(side.entries))

    def step(self, pixels: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        answers = self.model(timm_data.varied(timm_data.normal(pixels), self.run))
        loss = functional.cross_entropy(answers, targets, label_smoothing=self.run.number("label_smoothing"))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.detach()

    def report(self, number: int, loss: torch.Tensor) -> None:
        self.run.report.batch(
            self.epoch + 1, number, self.batches, lambda: {"train/loss": float(loss), "learning_rate": self.rate}
        )

    def judged(self, loss: float) -> float:
        self.lost_epochs = 0 if math.isfinite(loss) else self.lost_epochs + 1
        if self.lost_epochs >= HOPELESS:
            raise TrainingFailed(
                "code_error", f"the loss was {loss} for {HOPELESS} epochs; try a smaller learning_rate"
            )
        return loss

    def remember(self, marks: Marks) -> None:
        if marks.rank > self.best_rank:
            self.best_rank, self.best_epoch = marks.rank, self.epoch
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_rank": list(self.best_rank),
            "lost_epochs": self.lost_epochs,
            "model": self.model.state_dict(),
            "best": self.best if self.best_epoch != self.epoch else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "rng": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.best_epoch, self.lost_epochs = state["epoch"], state["best_epoch"], state["lost_epochs"]
        self.best_rank = (state["best_rank"][0], state["best_rank"][1])
        self.model.load_state_dict(state["model"])
        best = state["best"] if state["best"] is not None else state["model"]
        self.best = {name: tensor.to(self.device) for name, tensor in best.items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["rng"])


def examine(model: torch.nn.Module, side: Side, device: str, batch: int, classes: Sequence[str]) -> Marks:
    model.eval()
    answers, order = [], timm_data.in_order(len(side.entries), batch)
    with torch.inference_mode():
        for pixels, _ in side.batches(order):
            answers.append(model(timm_data.normal(pixels.to(device))).float().cpu())
    said = torch.cat(answers)
    likeliest = said.topk(min(TOP, len(classes)), dim=1).indices
    rows = scores.confusion(zip(side.targets.tolist(), likeliest[:, 0].tolist(), strict=True), len(classes))
    top5 = (likeliest == side.targets[:, None]).any(1).float().mean()
    return Marks(float(functional.cross_entropy(said, side.targets)), scores.accuracy(rows), float(top5), rows)
