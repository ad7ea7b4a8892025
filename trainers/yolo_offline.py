"""Ultralytics without the network, without integrations, and without a trace of the clone that it runs in."""

import os

from ultralytics import settings
from ultralytics.data import utils
from ultralytics.utils import GIT

INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


def prepare() -> None:
    settings.update(dict.fromkeys(INTEGRATIONS, False))
    os.environ["GITHUB_ACTIONS"] = "true"  # its one switch for progress bars that do not redraw themselves in a log
    # Else every model file names the root, branch and remote address of the repository around this environment.
    GIT.root = GIT.gitdir = GIT.refdir = None
    utils.check_font = no_font


def no_font(name: str) -> None:
    """For plots, which we do not ask for, it would index every font of the machine, for seconds, and fetch another."""
