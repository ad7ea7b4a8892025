"""The model file that a run leaves: the best weights without optimizer, with the class names and no local paths."""

from pathlib import Path
from typing import Any

import torch
from ultralytics.utils.torch_utils import strip_optimizer

from trainers.files import Product, produce

LOCAL = ("data", "save_dir", "project", "name", "model", "pretrained", "resume", "device", "cache", "workers")


def publish(weights: Path, target: Path) -> Product:
    def write(draft: Path) -> None:
        kept = strip_optimizer(weights / "best.pt", str(draft))
        kept["train_args"] = portable(kept["train_args"])
        if hasattr(kept["model"], "args"):
            kept["model"].args = portable(kept["model"].args)
        torch.save(kept, draft)

    return produce(target, write)


def portable(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in LOCAL}
