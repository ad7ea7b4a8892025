"""A checkpoint that goes on elsewhere: the framework's last and best weights, and where the run stood, in one file."""

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.base import Run
from trainers.failures import data_error
from trainers.files import Product, produce
from trainers.retention import keep_newest


@dataclass(frozen=True)
class State:
    model: str
    classes: list[str]
    parameters: dict[str, Any]
    epoch: int
    best_epoch: int
    finished: bool

    @classmethod
    def of(cls, run: Run, epoch: int, best_epoch: int, finished: bool) -> "State":
        return cls(run.model.name, list(run.job.classes), dict(run.parameters), epoch, best_epoch, finished)


def pack(run: Run, weights: Path, state: State) -> Product:
    def write(draft: Path) -> None:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("state.json", json.dumps(asdict(state)))
            archive.write(weights / "last.pt", "last.pt")
            if state.best_epoch != state.epoch:
                archive.write(weights / "best.pt", "best.pt")

    product = produce(run.job.folder / "checkpoints" / f"epoch-{state.epoch:06d}.ckpt", write)
    keep_newest(product.path.parent)
    return product


def unpack(run: Run, weights: Path) -> State | None:
    """Lay the weights out where a run expects them; nothing that the checkpoint says of paths is used."""
    if run.job.resume is None:
        return None
    try:
        with zipfile.ZipFile(run.job.resume.path) as archive:
            state = State(**json.loads(archive.read("state.json")))
            check(run, state)
            weights.mkdir(parents=True, exist_ok=True)
            last = archive.read("last.pt")
            (weights / "last.pt").write_bytes(last)
            (weights / "best.pt").write_bytes(last if state.best_epoch == state.epoch else archive.read("best.pt"))
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise data_error(f"checkpoint {run.job.resume.path} is not one of ultralytics: {error}") from error
    return state


def check(run: Run, state: State) -> None:
    same = (state.model, state.classes) == (run.model.name, list(run.job.classes))
    if not same or not run.has(state.parameters):
        raise data_error("the checkpoint belongs to a run of another model, other classes or other parameters")
