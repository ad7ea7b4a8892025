"""Logs of bounded size: a process appends to its file, and a file that grew is moved aside under the process."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 16 * 1024 * 1024
FULL = errno.ENOSPC, errno.EDQUOT


def trim(folder: Path, limit: int = LIMIT) -> None:
    """Copy and empty in place: writers hold the file open for appending, so they go on at its new end.

    Where a full disk takes no copy the log is emptied all the same: it may be what fills it.
    """
    for log in folder.glob("*.log"):
        with suppress(OSError):  # one log keeps no other from being trimmed, now or at the next look
            if log.stat().st_size > limit:
                _put_aside(log)
                with log.open("r+") as stream:
                    stream.truncate(0)


def _put_aside(log: Path) -> None:
    aside = log.with_suffix(".log.1")
    try:
        shutil.copyfile(log, aside)
    except OSError as error:
        if error.errno not in FULL:
            raise
        aside.unlink(missing_ok=True)


@dataclass
class News:
    """The whole lines that a log gained since this was made, and then since it was asked last."""

    log: Path
    _place: int = field(init=False)

    def __post_init__(self) -> None:
        self._place = self._size()

    def lines(self) -> Iterator[bytes]:
        self._place = self._place if self._place <= self._size() else 0  # it was moved aside
        if self._place == self._size():
            return
        with self.log.open("rb") as stream:
            stream.seek(self._place)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                yield line

    def _size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0


def tail(log: Path, lines: int = 12, since: int = 0) -> str:
    """The last lines, of those that came behind the first `since` bytes; of all where it was moved aside meanwhile."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        size = log.stat().st_size
        stream.seek(max(since if since <= size else 0, size - 16384))
        said = stream.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in said if line.strip()][-lines:])
