"""How the services of trainers on one machine share its cores: each takes a seat, and each has an equal share."""

import fcntl
import os
from pathlib import Path
from typing import IO


class Seat:
    """Held for as long as the service lives; the kernel lets go of it however that ends."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file: IO[str] = (folder / f"{name}.seat").open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def threads(self) -> int:
        """The share of one service that trains one job at a time."""
        return max(1, cores() // max(1, sum(_is_taken(file) for file in self._folder.glob("*.seat"))))

    def leave(self) -> None:
        self._file.close()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_taken(file: Path) -> bool:
    with file.open("a") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
