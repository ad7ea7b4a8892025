"""Where a training stands, gathered from its live messages: epoch, share done, figures, time left."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.live import Message
from cli.output import rounded

LOSSES = {
    "train/box_loss": "box loss", "train/cls_loss": "class loss", "train/dfl_loss": "dfl loss", "train/loss": "loss",
    "val/loss": "val loss",
}  # fmt: skip
SCORES = {"val/map50": "mAP50", "val/map50_95": "mAP50-95", "val/accuracy": "accuracy"}


@dataclass
class Standing:
    """Time left is reckoned from the share done since the first batch that was heard of."""

    status: str = "queued"
    epoch: int = 0
    epochs: int = 0
    share: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    ended: Message | None = None
    _since: tuple[float, float] | None = None

    def hear(self, message: Message, now: float | None = None) -> None:
        match message["kind"]:
            case "batch":
                self.epoch = message["epoch"]
                self.epochs = message.get("epochs") or self.epochs
                self.metrics |= message.get("metrics") or {}
                self._advance(message["epoch"] - 1 + message["batch"] / message["batches"], now)
            case "epoch":
                self.epoch, self.epochs = message["epoch"], message["epochs"]
                self.metrics |= message["metrics"]
                self._advance(message["epoch"], now)
            case "state":
                self.status = message.get("status") or self.status
            case "end":
                self.status, self.ended = message["status"], message

    def seconds_left(self, now: float | None = None) -> float | None:
        if self._since is None or self.share <= self._since[1]:
            return None
        passed = (now or time.monotonic()) - self._since[0]
        return passed * (1 - self.share) / (self.share - self._since[1])

    def _advance(self, epochs_done: float, now: float | None) -> None:
        if self.epochs:
            self.share = min(1.0, epochs_done / self.epochs)
            self._since = self._since or (now or time.monotonic(), self.share)


def figures(metrics: Mapping[str, Any]) -> str:
    """The losses and the score of an epoch, in the words of the field."""
    known = LOSSES | SCORES
    return "  ".join(f"{known[name]} {rounded(value)}" for name, value in metrics.items() if name in known)


def epoch_line(message: Message) -> str:
    return f"epoch {message['epoch']}/{message['epochs']}  {figures(message['metrics'])}  ({message['seconds']:.1f} s)"
