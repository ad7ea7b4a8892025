"""Real trainings in the frameworks' own environments: small jobs, started as processes and listened to."""

import hashlib
import io
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[2]
Line = dict[str, Any]
COUNTS = {"train": 24, "val": 9, "test": 9}
COLOURS = {"красный": (200, 40, 40), "أخضر": (40, 200, 40), "blue 🔵": (40, 40, 200)}
SHAPES = ("square", "disc 🟡")


def python_of(framework: str) -> Path:
    return ROOT / ".envs" / framework / "bin" / "python"


@dataclass
class Material:
    """Blobs and entries as the platform lays them out for a training."""

    folder: Path
    task: str
    classes: Sequence[str]
    entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    def add(self, name: str, side: str, image: Image.Image, annotations: list[dict[str, Any]]) -> None:
        encoded = io.BytesIO()
        image.save(encoded, "PNG")
        self.add_bytes(name, side, encoded.getvalue(), annotations)

    def add_bytes(self, name: str, side: str, content: bytes, annotations: list[dict[str, Any]]) -> None:
        self.blobs.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256(content).hexdigest()
        (self.blobs / sha256).write_bytes(content)
        size = {"sha256": sha256, "size": len(content), "width": 32, "height": 32}
        self.entries.append({"path": name, "side": side, "annotations": annotations, **size})

    def blob_of(self, path: str) -> Path:
        sha256: str = next(entry["sha256"] for entry in self.entries if entry["path"] == path)
        return self.blobs / sha256

    def job(self, output: Path, model: str, parameters: Mapping[str, Any], **changes: Any) -> Path:
        """A job file for this material, written beside its output."""
        output.mkdir(parents=True, exist_ok=True)
        entries = output.with_suffix(".entries.jsonl")
        entries.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.entries))
        job = {
            "format": 1,
            "job": "01990000-0000-7000-8000-000000000001",
            "attempt": 1,
            "task": self.task,
            "model": model,
            "parameters": dict(parameters),
            "classes": list(self.classes),
            "entries": str(entries),
            "blobs": str(self.blobs),
            "output": str(output),
            "threads": 1,
            "device": "cpu",
            "seed": 7,
            "resume": None,
            "weights": None,
        }
        file = output.with_suffix(".job.json")
        file.write_text(json.dumps(job | changes))
        return file


def coloured(folder: Path, counts: Mapping[str, int] = COUNTS) -> Material:
    """Classification: which colour a noisy picture has."""
    material, chance = Material(folder, "classification", list(COLOURS)), random.Random(1)
    for side, count in counts.items():
        for number in range(count):
            label = number % len(COLOURS)
            image = noise(chance, list(COLOURS.values())[label])
            material.add(f"{side}/{number} 😀.png", side, image, [{"class": label}])
    return material


def shaped(folder: Path, counts: Mapping[str, int] = COUNTS) -> Material:
    """Detection: squares and discs; one picture has nothing in it, and one stands under two names."""
    material, chance = Material(folder, "detection", SHAPES), random.Random(1)
    for side, count in counts.items():
        for number in range(count):
            image = noise(chance, (60, 60, 60))
            found = [drawn(image, chance, label) for label in range(len(SHAPES))] if number else []
            material.add(f"صور/{side}/{number}.PNG", side, image, found)
            if number == 1:
                material.add(f"again/{side}.png", side, image, found)
    return material


def noise(chance: random.Random, colour: tuple[int, int, int]) -> Image.Image:
    pixels = [tuple(part + chance.randrange(-30, 30) for part in colour) for _ in range(32 * 32)]
    image = Image.new("RGB", (32, 32))
    image.putdata(pixels)
    return image


def drawn(image: Image.Image, chance: random.Random, label: int) -> dict[str, Any]:
    left, top = chance.randrange(0, 4) + label * 16, chance.randrange(0, 20)
    pen = ImageDraw.Draw(image)
    (pen.ellipse if label else pen.rectangle)((left, top, left + 11, top + 11), fill=(250, 250, 60 + 190 * label))
    centre = ((left + 6) / 32, (top + 6) / 32, 12 / 32, 12 / 32)
    return {"class": label, "box": [f"{number:.6f}" for number in centre]}


class Guest:
    """A trainer's process, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said: list[Line] = []

    def lines(self) -> Iterator[Line]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            yield self.said[-1]

    def until(self, kind: str, **fields: Any) -> Line:
        for line in self.lines():
            if line["kind"] == kind and fields.items() <= line.items():
                return line
        raise AssertionError(f"it ended with {self.process.wait()} and never said {kind}; {self.said[-1:]}")

    def finish(self) -> int:
        for _ in self.lines():
            pass
        return self.process.wait()

    def all(self, kind: str) -> list[Line]:
        return [line for line in self.said if line["kind"] == kind]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.finish()


@contextmanager
def guest(
    python: Path, arguments: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Guest]:
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [python, "-m", "trainers", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env=environment,
        )
        with process:
            try:
                yield Guest(process)
            finally:
                process.kill()


@contextmanager
def training(framework: str, job: Path, environment: Mapping[str, str] | None = None) -> Iterator[Guest]:
    with guest(python_of(framework), [framework, job], job.with_suffix(".log"), environment) as started:
        yield started


def trained(framework: str, job: Path, environment: Mapping[str, str] | None = None) -> Guest:
    """A training that ends well."""
    with training(framework, job, environment) as started:
        code = started.finish()
        assert code == 0, job.with_suffix(".log").read_text()[-3000:]
    return started


def failure(framework: str, job: Path) -> tuple[int, Line]:
    """How a training ended that cannot go well."""
    with training(framework, job) as started:
        code = started.finish()
    return code, started.said[-1]


def refused(framework: str, *arguments: str | Path, log: Path) -> tuple[int, Line]:
    """What is refused before a framework is imported needs none: it is asked here, in an environment without any."""
    with guest(Path(sys.executable), [framework, *arguments], log) as started:
        code = started.finish()
    return code, started.said[-1]


MATERIAL: Mapping[str, Callable[[Path], Material]] = {"detection": shaped, "classification": coloured}
