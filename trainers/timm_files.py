"""The files of a timm training: checkpoints that a new process goes on from, and the model with its class names."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open  # type: ignore[import-not-found]
from safetensors.torch import save_file  # type: ignore[import-not-found]

from trainers.base import Run
from trainers.failures import data_error
from trainers.files import Product, produce
from trainers.retention import keep_newest

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class About:
    """What stands in the header of a model file: enough to use it."""

    framework: str
    task: str
    model: str
    source: str
    classes: list[str]
    image_size: int


def about(run: Run) -> About:
    return About("timm", run.job.task, run.model.name, run.model.source, list(run.job.classes), run.whole("image_size"))


def save_model(run: Run, weights: Weights) -> Product:
    header = {"about": json.dumps(asdict(about(run)))}
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return produce(run.job.folder / "model.safetensors", lambda draft: save_file(kept, draft, header))


def read_model(file: Path) -> tuple[About, dict[str, torch.Tensor]]:
    try:
        with safe_open(file, "pt") as opened:
            header = About(**json.loads(opened.metadata()["about"]))
            return header, {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise data_error(f"{file.name} is not a model of timm: {error}") from error


def open_model(file: Path) -> tuple[About, torch.nn.Module]:
    header, weights = read_model(file)
    model = timm.create_model(header.source, pretrained=False, num_classes=len(header.classes))
    model.load_state_dict(weights)
    return header, model.eval()


def begin_from(model: torch.nn.Module, file: Path) -> None:
    """Take over what fits: a head for other classes stays untrained."""
    mine = model.state_dict()
    fitting = {n: tensor for n, tensor in read_model(file)[1].items() if n in mine and tensor.shape == mine[n].shape}
    if not fitting:
        raise data_error("the starting weights are those of another model")
    model.load_state_dict(fitting, strict=False)


def save_checkpoint(run: Run, epoch: int, state: Mapping[str, Any]) -> Product:
    whole = {"about": asdict(about(run)), "parameters": dict(run.parameters), **state}
    file = run.job.folder / "checkpoints" / f"epoch-{epoch:06d}.ckpt"
    product = produce(file, lambda draft: torch.save(whole, draft))
    keep_newest(file.parent)
    return product


def read_checkpoint(run: Run) -> dict[str, Any] | None:
    if run.job.resume is None:
        return None
    try:
        state: dict[str, Any] = torch.load(run.job.resume.path, map_location="cpu", weights_only=True)
        if state["about"] != asdict(about(run)) or not run.has(state["parameters"]):
            raise data_error("the checkpoint belongs to a run of another model, other classes or other parameters")
    except (RuntimeError, EOFError, UnpicklingError, KeyError, TypeError) as error:
        raise data_error(f"checkpoint {run.job.resume.path} is not one of timm: {error}") from error
    return state
