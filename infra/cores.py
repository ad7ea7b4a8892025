"""How the services of trainers on one machine share its cores: each takes a seat, and each job an equal share of cores.

What is taken is held by locks, which the kernel lets go of however a service ends. A job takes its cores when it begins
and keeps them: with more jobs than cores, one waits in its queue, for two trainings on one core hold each other up.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO


class Seat:
    """Held for as long as the service lives."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file: IO[str] = (folder / f"{name}.seat").open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._taken: list[IO[str]] = []

    def take(self) -> bool:
        """The share of one job, or what is left of it; False where no core is free."""
        for number in range(cores()):
            if len(self._taken) == self._share():
                break
            with suppress(BlockingIOError):
                self._taken.append(_locked(self._folder / f"{number}.core"))
        return bool(self._taken)

    @property
    def threads(self) -> int:
        return len(self._taken)

    def give_back(self) -> None:
        while self._taken:
            self._taken.pop().close()

    def leave(self) -> None:
        self.give_back()
        self._file.close()

    def _share(self) -> int:
        return max(1, cores() // max(1, sum(_is_taken(file) for file in self._folder.glob("*.seat"))))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _locked(file: Path) -> IO[str]:
    opened = file.open("a")
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        opened.close()
        raise
    return opened


def _is_taken(file: Path) -> bool:
    try:
        _locked(file).close()
    except BlockingIOError:
        return True
    return False
