"""The images of a job: one JSON line each, with labels and the side of the split that it stands on."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from trainers.failures import data_error
from trainers.job import SHA256, Job, Side

SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, slots=True)
class Label:
    index: int
    box: tuple[str, str, str, str] | None


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    sha256: str
    size: int
    side: Side
    labels: tuple[Label, ...]


def read_entries(job: Job) -> list[Entry]:
    try:
        entries = list(read_lines(Path(job.entries), job))
    except OSError as error:
        raise data_error(f"entries {job.entries}: {error.strerror}") from error
    except ValueError as error:  # of a path that no file can have
        raise data_error(f"entries {job.entries!r}: {error}") from error
    for side in ("train", "val"):
        if not any(entry.side == side for entry in entries):
            raise data_error(f"no image stands on the {side} side of the split")
    return entries


def read_lines(path: Path, job: Job) -> Iterator[Entry]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield understood(json.loads(line), job)
            except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
                raise data_error(f"{path.name}, line {number}: {type(error).__name__} {error}") from error


def understood(raw: dict[str, Any], job: Job) -> Entry:
    if (
        not isinstance(raw["path"], str)
        or raw["side"] not in SIDES
        or not SHA256.fullmatch(raw["sha256"])
        or type(raw["size"]) is not int
    ):
        raise ValueError(f"path, side, sha256 or size of {raw['path']!r} is not what it must be")
    labels = tuple(label(annotation) for annotation in raw["annotations"])
    if wrong := complaint(labels, job):
        raise data_error(f"{raw['path']}: {wrong}")
    return Entry(raw["path"], raw["sha256"], raw["size"], raw["side"], labels)


def label(annotation: dict[str, Any]) -> Label:
    index, box = annotation["class"], annotation.get("box")
    if type(index) is not int:
        raise ValueError(f"class {index!r} is no index")
    if box is None:
        return Label(index, None)
    x, y, width, height = (str(number) for number in box)
    _ = [float(number) for number in (x, y, width, height)]
    return Label(index, (x, y, width, height))


def complaint(labels: Sequence[Label], job: Job) -> str | None:
    if outside := [label.index for label in labels if not 0 <= label.index < len(job.classes)]:
        return f"class {outside[0]} is outside the {len(job.classes)} classes"
    if job.task == "classification" and len(labels) != 1:
        return f"classification needs exactly one class, this image has {len(labels)}"
    if job.task == "detection" and any(label.box is None for label in labels):
        return "an annotation has no box"
    return None


def on(side: Side, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.side == side]
