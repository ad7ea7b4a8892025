"""One finished training per framework, for all who ask what it left."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.trainers.guests import MATERIAL, Guest, Line, Material, trained

SHORT = {"epochs": 4, "batch": 10, "image_size": 32}
RECIPES = {
    "tiny-detector": ("ultralytics", "detection", SHORT),
    "yolo26n": ("ultralytics", "detection", SHORT | {"epochs": 1}),
    "yolo26n-cls": ("ultralytics", "classification", {"epochs": 2, "batch": 8, "image_size": 33}),
    "test_resnet": ("timm", "classification", SHORT),
}
WATCHMAN = """
import os, sys
asked = open(os.environ["WATCHED"], "a", buffering=1)
print("watching", file=asked)
sys.addaudithook(lambda event, args: event.startswith(("socket.getaddrinfo", "socket.connect", "socket.gethostby"))
                 and print(event, args, file=asked))
"""


class Finished:
    """A training that ended well, with its material and its last words."""

    def __init__(self, model: str, material: Material, guest: Guest, asked: Path) -> None:
        self.model = model
        self.asked = asked
        self.framework = RECIPES[model][0]
        self.material = material
        self.guest = guest

    @property
    def result(self) -> Line:
        return self.guest.said[-1]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Finished]:
    return cache(lambda model: train(model, tmp_path_factory.mktemp(model)))


def train(model: str, folder: Path) -> Finished:
    """With nothing in its environment but what it needs, and a watchman who writes down what it asks of the network."""
    framework, task, parameters = RECIPES[model]
    material = MATERIAL[task](folder / "material")
    (folder / "sitecustomize.py").write_text(WATCHMAN)
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "WATCHED": str(folder / "asked")}
    guest = trained(framework, material.job(folder / "output", model, parameters), bare)
    return Finished(model, material, guest, folder / "asked")
