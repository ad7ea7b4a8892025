"""Ultralytics without the network, without integrations, and without a trace of the clone that it runs in."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from ultralytics import settings
from ultralytics.utils import GIT

from trainers.failures import TrainingFailed

INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
FONTS = ("Arial.ttf", "Arial.Unicode.ttf")  # it would fetch these; a font that came with matplotlib serves as well


def prepare() -> None:
    settings.update(dict.fromkeys(INTEGRATIONS, False))
    os.environ["GITHUB_ACTIONS"] = "true"  # its one switch for progress bars that do not redraw themselves in a log
    # Else every model file names the root, branch and remote address of the repository around this environment.
    GIT.root = GIT.gitdir = GIT.refdir = None
    place_fonts(Path(os.environ["YOLO_CONFIG_DIR"], "Ultralytics"))


def place_fonts(folder: Path) -> None:
    matplotlib = find_spec("matplotlib")
    if matplotlib is None or matplotlib.origin is None:
        raise TrainingFailed("code_error", "matplotlib, whose font ultralytics borrows, is not in this environment")
    font = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FONTS:
        shutil.copyfile(font, folder / name)
