"""The shape of a framework: a module that can train and predict, what it is given and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trainers import environment
from trainers.entries import Entry
from trainers.failures import TrainingFailed
from trainers.files import Product
from trainers.job import Job, Question, Task
from trainers.registry import Model, Value
from trainers.reporting import Reporter


@dataclass(frozen=True)
class Run:
    """One training: everything in it is already checked."""

    job: Job
    model: Model
    parameters: Mapping[str, Value]
    entries: Sequence[Entry]
    report: Reporter

    @property
    def blobs(self) -> Path:
        return Path(self.job.blobs).absolute()

    def number(self, name: str) -> float:
        return float(self.parameters[name])

    def whole(self, name: str) -> int:
        return int(self.parameters[name])

    def has(self, parameters: Mapping[str, Value]) -> bool:
        """These and perhaps more: a parameter that came with newer code does not make an older checkpoint foreign."""
        return all(self.parameters.get(name) == value for name, value in parameters.items())

    def start(self, device: str, device_name: str, packages: Sequence[str], **settled: Value) -> None:
        """Say where and with what it runs; `settled` are parameters that the framework had to adjust."""
        self.report.say(
            "started",
            environment=environment.describe(packages, device_name),
            device=device,
            parameters=dict(self.parameters) | settled,
        )

    def checkpoint(self, epoch: int, product: Product) -> None:
        self.report.say("checkpoint", epoch=epoch, **product.as_json())


@dataclass(frozen=True)
class Found:
    """One thing that a model sees: its class, how sure it is, and where (centre and size, relative)."""

    label: str
    score: float
    box: tuple[float, float, float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        return {"class": self.label, "score": self.score} | ({"box": list(self.box)} if self.box else {})


@dataclass(frozen=True)
class Answer:
    """What a model sees in each image, in the order asked; for classification every class, the likeliest first."""

    task: Task
    classes: Sequence[str]
    seen: Sequence[Sequence[Found]]


class Trainer(Protocol):
    SUFFIX: str

    def train(self, run: Run) -> None: ...

    def predict(self, question: Question, model: Path) -> Answer: ...


__all__ = ["Answer", "Found", "Run", "Trainer", "TrainingFailed"]
