"""A training by our process against the same recipe without us: the epochs' own time, and the seconds around it."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.frame import Bench, Result, Rounds, in_turn
from bench.hosting import Took, hosted
from tests.trainers.guests import ROOT, Material, python_of, shaped, trained

COUNTS = {"train": 600, "val": 60, "test": 20}
PAIRS = 3
BARE, ALONE = "bare ultralytics", "one alone"
BATCH, EPOCHS, PIXELS = 16, 2, 96
PARAMETERS = {"epochs": EPOCHS, "batch": BATCH, "image_size": PIXELS}
RECIPE: dict[str, Any] = {
    "epochs": EPOCHS,
    "batch": BATCH,
    "nbs": BATCH,
    "imgsz": PIXELS,
    "optimizer": "AdamW",
    "lr0": 0.006,
    "cos_lr": True,
    "warmup_epochs": 0.5,
    "scale": 0.2,
    "mosaic": 0,
    "fliplr": 0.0,
    "amp": False,
    "plots": False,
    "workers": 0,
    "cache": "ram",
    "deterministic": False,
    "verbose": False,
}


def training(bench: Bench) -> Iterator[Result]:
    folder = Path(tempfile.mkdtemp(prefix="vistory-bench-"))
    try:
        material = shaped(folder / "material", COUNTS)
        data = laid_out(material, folder / "yolo")
        pairs = [(_ours(material, folder / f"ours-{n}"), _bare(data, folder / f"bare-{n}")) for n in range(PAIRS)]
        yield from _compared("the process", pairs)
        if bench.long:
            yield Result.of("two trainings at once", "s", _two(material, folder), ALONE, 1.3, more_is_better=False)
            yield from _compared("the platform", _on_the_platform(folder))
    finally:
        shutil.rmtree(folder)


def _compared(whose: str, pairs: list[tuple[Took, Took]]) -> Iterator[Result]:
    sides = {"ours": 0, BARE: 1}
    inside = {name: [pair[side].inside for pair in pairs] for name, side in sides.items()}
    around = {name: [pair[side].around for pair in pairs] for name, side in sides.items()}
    what = f"training by {whose}, {COUNTS['train']} images, {EPOCHS} epochs"
    yield Result.of(f"{what}: the epochs", "s", inside, BARE, 1.05, more_is_better=False)
    yield Result.of(f"{what}: around them", "s", around, BARE, None, more_is_better=False)
    added = statistics.median(ours.around - bare.around for ours, bare in pairs)
    yield Result(f"{what}: what ours adds around them", "s", added, goal=6, more_is_better=False)


def _on_the_platform(folder: Path) -> list[tuple[Took, Took]]:
    """It gives the one training all cores, so the bare one has them too."""
    recipe = {"framework": "ultralytics", "model": "tiny-detector", "parameters": PARAMETERS}
    pairs = []
    with hosted() as platform:
        for n in range(PAIRS):
            scenes = folder / f"scenes-{n}"
            ours = platform.trained(platform.pushed(scenes, COUNTS, n), recipe)
            pairs.append((ours, _bare(scenes / "data.yaml", folder / f"beside-{n}", os.cpu_count() or 1)))
    return pairs


def _two(material: Material, folder: Path) -> Rounds:
    """As the service shares the cores: all of them for one alone, half of them for each of two."""
    cores = os.cpu_count() or 2

    def alone() -> float:
        return sum(_ours(material, folder / f"alone-{time.monotonic_ns()}", cores))

    def both() -> float:
        with ThreadPoolExecutor(2) as pool:
            places = [folder / f"both-{time.monotonic_ns()}-{n}" for n in range(2)]
            return max(pool.map(lambda place: sum(_ours(material, place, max(1, cores // 2))), places))

    return in_turn({"ours": both, ALONE: alone}, PAIRS)


def _ours(material: Material, folder: Path, threads: int = 1) -> Took:
    start = time.monotonic()
    guest = trained("ultralytics", material.job(folder / "output", "tiny-detector", PARAMETERS, threads=threads))
    whole = time.monotonic() - start
    inside = sum(line["seconds"] for line in guest.all("epoch"))
    return Took(inside, whole - inside)


def _bare(data: Path, folder: Path, threads: int = 1) -> Took:
    folder.mkdir()
    model = ROOT / "trainers" / "architectures" / "tiny-detector.yaml"
    own = {"YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    arguments = [str(model), str(data), str(folder), json.dumps(RECIPE)]
    start = time.monotonic()
    with (folder / "log").open("w") as log:
        subprocess.run(
            [python_of("ultralytics"), str(ROOT / "bench" / "peers" / "bare_ultralytics.py"), *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": str(threads), **own},
            stdout=log,
            stderr=log,
            check=True,
        )
    whole = time.monotonic() - start
    inside = float(json.loads((folder / "bare.json").read_text())["seconds"])
    return Took(inside, whole - inside)


def laid_out(material: Material, folder: Path) -> Path:
    """The same images and boxes as ultralytics' users keep them."""
    for number, entry in enumerate(material.entries):
        images, labels = (folder / kind / entry["side"] for kind in ("images", "labels"))
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(material.blobs / entry["sha256"], images / f"{number}.png")
        rows = (f"{each['class']} {' '.join(each['box'])}\n" for each in entry["annotations"])
        (labels / f"{number}.txt").write_text("".join(rows))
    data = folder / "data.yaml"
    names = {number: f"class-{number}" for number in range(len(material.classes))}
    data.write_text(json.dumps({"path": str(folder), "train": "images/train", "val": "images/val", "names": names}))
    return data
