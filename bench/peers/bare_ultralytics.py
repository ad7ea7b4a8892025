"""The bare framework: ultralytics as its users call it, in its own environment, on a folder in its own layout."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from ultralytics import YOLO, settings

SILENT = ("sync", "mlflow", "clearml", "comet", "dvc", "raytune", "tensorboard", "wandb")


def main(model: str, data: str, folder: str, recipe: dict[str, Any]) -> None:
    settings.update(dict.fromkeys(SILENT, False))
    began: list[float] = []
    ended: list[float] = []
    bare = YOLO(model, task="detect")
    bare.add_callback("on_train_epoch_start", lambda _: began.append(time.monotonic()))
    bare.add_callback("on_fit_epoch_end", lambda _: ended.append(time.monotonic()))
    bare.train(data=data, project=folder, name="bare", exist_ok=True, device="cpu", pretrained=False, **recipe)
    seconds = sum(end - start for start, end in zip(began, ended, strict=False))
    Path(folder, "bare.json").write_text(json.dumps({"seconds": seconds, "epochs": len(began)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
