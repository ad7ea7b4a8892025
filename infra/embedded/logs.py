"""Logs of bounded size: a process appends to its file, and a file that grew is moved aside under the process."""

import shutil
from pathlib import Path

LIMIT = 16 * 1024 * 1024


def trim(folder: Path, limit: int = LIMIT) -> None:
    """Copy and empty in place: writers hold the file open for appending, so they go on at its new end."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+") as stream:
                stream.truncate(0)


def tail(log: Path, lines: int = 12) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16384))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
