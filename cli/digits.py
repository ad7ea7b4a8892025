"""Real handwritten digits as a newcomer's folders: scenes with boxes (YOLO) and a folder for each class (ImageFolder).

They are those that scikit-learn ships: 1,797 of 8 × 8 pixels, written by people. They are divided 60/20/20 before
anything is composed, so no digit ever stands on two sides, and both folders bring this split along.
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from PIL import Image

from cli.scene import Scene

SHARES: Final = {"train": 0.6, "val": 0.2, "test": 0.2}
SCENES: Final = {"train": 1500, "val": 300, "test": 300}
SCENE: Final = 96
UPSCALED: Final = 32
CLASSES: Final = 10
NEVER_SEEN: Final = 3  # beside 0, 1 and 2, the sides: which stream of chance a picture comes from


class NoDigits(Exception):
    """The demo's own requirement, scikit-learn, is not installed."""


class Digit(NamedTuple):
    ink: NDArray[np.uint8]
    label: int


def write_scenes(folder: Path, scenes: Mapping[str, int] = SCENES, seed: int = 0, pixels: int = SCENE) -> Path:
    """A YOLO folder: pictures with a few digits each, none over another."""
    for number, (side, digits) in enumerate(divided(seed).items()):
        images, labels = _made(folder / "images" / side), _made(folder / "labels" / side)
        for index in range(scenes.get(side, 0)):
            scene = Scene(default_rng([seed, number, index]), digits, pixels)
            scene.save(images / f"{index:05}.jpg")
            (labels / f"{index:05}.txt").write_text(scene.lines())
    sides = "".join(f"{side}: images/{side}\n" for side in SHARES)
    (folder / "data.yaml").write_text(f"{sides}names: {[str(label) for label in range(CLASSES)]}\n")
    return folder


def write_digits(folder: Path, seed: int = 0, most: int | None = None) -> Path:
    """An ImageFolder: every digit (or `most` of each side) by itself, larger than life."""
    for side, digits in divided(seed).items():
        for index, digit in enumerate(digits[:most]):
            path = _made(folder / side / str(digit.label)) / f"{index:05}.png"
            Image.fromarray(digit.ink).resize((UPSCALED, UPSCALED), Image.Resampling.BICUBIC).save(path)
    return folder


def write_never_seen(folder: Path, count: int = 3, seed: int = 0, pixels: int = SCENE) -> list[Path]:
    """Scenes in no dataset, from digits that were never trained on nor chosen by; each beside a digit turned anew."""
    digits, written = divided(seed)["test"], []
    for index in range(count):
        chance = default_rng([seed, NEVER_SEEN, index])
        written.append(_made(folder) / f"scene-{index}.jpg")
        Scene(chance, digits, pixels).save(written[-1])
        digit = digits[int(chance.integers(len(digits)))]
        written.append(folder / f"digit-{index}-which-is-a-{digit.label}.png")
        large = Image.fromarray(digit.ink).resize((UPSCALED, UPSCALED), Image.Resampling.BICUBIC)
        large.rotate(float(chance.uniform(-10, 10)), Image.Resampling.BICUBIC).save(written[-1])
    return written


@cache
def divided(seed: int) -> dict[str, list[Digit]]:
    """Each side's digits, with its share of each class, in an order of chance."""
    chance = default_rng(seed)
    sides: dict[str, list[Digit]] = {side: [] for side in SHARES}
    ink, labels = _loaded()
    for label in range(CLASSES):
        numbers = chance.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(list(SHARES.values()))[:-1] * len(numbers)).astype(int)
        for side, mine in zip(SHARES, np.split(numbers, cuts), strict=True):
            sides[side] += [Digit(ink[number], label) for number in mine]
    return {side: [digits[n] for n in chance.permutation(len(digits))] for side, digits in sides.items()}


@cache
def _loaded() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Straight from the file that scikit-learn ships, since importing it takes seconds."""
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise NoDigits("the demo takes its digits from scikit-learn, which is not installed")
    file = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    ink = np.minimum(rows[:, :-1].astype(np.uint16) * 16, 255).astype(np.uint8)
    return ink.reshape(-1, 8, 8), rows[:, -1]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
