"""A folder that one process alone works in: the kernel lets go of it however that process ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Occupied(Exception):
    """Another process works in this folder."""


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Raises Occupied."""
    with (folder / "in-use.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Occupied(f"another process works in {folder}") from error
        yield
