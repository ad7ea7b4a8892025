"""Files by their hash: checked before they are used, and put in place whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trainers.entries import Entry
from trainers.failures import data_error
from trainers.job import Job, Shipped


@dataclass(frozen=True)
class Product:
    """A file that a training made."""

    path: Path
    sha256: str
    size: int

    def as_json(self) -> dict[str, str | int]:
        return {"path": str(self.path), "sha256": self.sha256, "size": self.size}


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def produce(path: Path, write: Callable[[Path], None]) -> Product:
    """Write beside the place, flush to the disk, then rename: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    product = Product(path, digest(draft), draft.stat().st_size)
    draft.replace(path)
    flush_folder(path.parent)
    return product


def flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(job: Job, entries: Sequence[Entry]) -> None:
    """Every image, checkpoint and starting weight has the hash that the job names, or nothing is trained."""
    verify_shipped(job.resume, "checkpoint")
    verify_shipped(job.weights, "starting weights")
    blobs = Path(job.blobs).absolute()
    once = {entry.sha256: entry for entry in reversed(entries)}
    with ThreadPoolExecutor(job.threads) as pool:
        for wrong in pool.map(lambda entry: complaint(blobs, entry), once.values()):
            if wrong:
                raise data_error(wrong)


def verify_shipped(shipped: Shipped | None, what: str) -> None:
    """What is said of it is kept, so it names no folder of this machine."""
    if shipped is None:
        return
    try:
        found = digest(Path(shipped.path))
    except OSError as error:
        raise data_error(f"the {what} cannot be read: {error.strerror}") from error
    if found != shipped.sha256:
        raise data_error(f"the {what} was not loaded: its hash is {found}, not {shipped.sha256}")


def complaint(blobs: Path, entry: Entry) -> str | None:
    blob = blobs / entry.sha256
    try:
        found = digest(blob)
    except OSError as error:
        return f"{entry.path}: its file cannot be read: {error.strerror}"
    if found != entry.sha256 or blob.stat().st_size != entry.size:
        return f"{entry.path}: its file has hash {found} and {blob.stat().st_size} bytes, not what was promised"
    return None


def link(source: Path, target: Path) -> None:
    """The same bytes under a second name, without a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        target.symlink_to(source)
