"""The files that a trainer is handed, parsed strictly: what is missing, unknown or of another type is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from trainers.failures import data_error

Task = Literal["detection", "classification"]
Side = Literal["train", "val", "test"]
Wanted = Literal["auto", "cpu", "cuda"]
SHA256 = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")


@dataclass(frozen=True)
class Shipped:
    """A file that came with the job, with the hash that it must have."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Checkpoint(Shipped):
    epoch: int


@dataclass(frozen=True)
class Job:
    format: Literal[1]
    job: str
    attempt: int
    task: Task
    model: str
    parameters: dict[str, Any]
    classes: tuple[str, ...]
    entries: str
    blobs: str
    output: str
    threads: int
    device: Wanted
    seed: int
    resume: Checkpoint | None = None
    weights: Shipped | None = None

    @property
    def folder(self) -> Path:
        return Path(self.output).absolute()


@dataclass(frozen=True)
class Question:
    """What a trained model is asked: which images, and how sure it must be to speak."""

    model: str
    sha256: str
    images: tuple[str, ...]
    confidence: float = 0.25
    output: str | None = None
    threads: int = 1
    device: Wanted = "auto"


def read_job(path: Path) -> Job:
    job = parse(Job, load(path), path.name)
    if job.threads < 1:
        raise data_error(f"{path.name}: threads must be at least 1")
    if not job.classes:
        raise data_error(f"{path.name}: classes is empty")
    return job


def read_question(path: Path) -> Question:
    question = parse(Question, load(path), path.name)
    if not 0 <= question.confidence <= 1:
        raise data_error(f"{path.name}: confidence must be between 0 and 1, not {question.confidence}")
    return question


def load(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise data_error(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise data_error(f"{path.name} is not JSON: {error}") from error


def parse(shape: type[T], data: object, where: str) -> T:
    if not isinstance(data, Mapping):
        raise data_error(f"{where} must be an object")
    hints = get_type_hints(shape)
    known = {field.name: field for field in fields(shape)}  # type: ignore[arg-type]
    if unknown := sorted(data.keys() - known.keys()):
        raise data_error(f"{where}: unknown field {unknown[0]!r}")
    for name, field in known.items():
        if name not in data and field.default is MISSING:
            raise data_error(f"{where}: field {name!r} is missing")
    return shape(**{name: convert(hints[name], value, f"{where}: {name}") for name, value in data.items()})


def convert(hint: Any, value: Any, where: str) -> Any:
    match get_origin(hint), get_args(hint):
        case (origin, (wanted, _)) if origin is UnionType:
            return None if value is None else convert(wanted, value, where)
        case (origin, (wanted, _)) if origin is tuple and isinstance(value, list):
            return tuple(convert(wanted, item, where) for item in value)
        case (origin, choices) if origin is Literal:
            if value in choices and not isinstance(value, bool):
                return value
            raise data_error(f"{where} must be one of {', '.join(map(str, choices))}, not {value!r}")
        case (origin, _) if origin is dict and isinstance(value, dict):
            return value
    if is_dataclass(hint):
        return checked(parse(hint, value, where), where)  # type: ignore[arg-type]
    if type(value) is hint or (hint is float and type(value) is int):
        return value
    raise data_error(f"{where} must be {getattr(hint, '__name__', hint)}, not {value!r}")


def checked(shipped: Any, where: str) -> Any:
    if not SHA256.fullmatch(shipped.sha256):
        raise data_error(f"{where}: {shipped.sha256!r} is no SHA-256")
    return shipped
