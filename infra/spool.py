"""The points of one attempt on the worker's disk, numbered from 1 without gaps: nothing is lost while others are away.

Whole lines only: what a crash cut off is dropped when the spool is opened again, what a full disk cut off at once, and
its number is given anew.
"""

import errno
import json
import os
from array import array
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

LARGEST_BATCH: Final = 256 * 1024
MOST_POINTS: Final = 500


class Spool:
    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._ends = array("Q", _line_ends(file))
        with file.open("ab") as whole:
            whole.truncate(self._end)
        self._writer: BinaryIO = file.open("ab", buffering=0)
        self._reader: BinaryIO = file.open("rb")

    @property
    def last(self) -> int:
        """The number of the last point; 0 when there is none."""
        return len(self._ends)

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0

    def append(self, kind: str, fields: Mapping[str, Any], at: datetime | None = None) -> int:
        """The number of the new point. Raises OSError, as of a full disk, where it could not be kept."""
        n = self.last + 1
        point = {"n": n, "kind": kind, "at": (at or datetime.now(UTC)).isoformat(), **fields}
        line = json.dumps(point, ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"
        self._write(line)
        self._ends.append(self._end + len(line))
        return n

    def _write(self, line: bytes) -> None:
        """A disk that fills up may take a part."""
        try:
            if self._writer.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._writer.name)
        except OSError:
            self._writer.truncate(self._end)
            raise

    def read(self, after: int) -> list[dict[str, Any]]:
        """The points that follow, as many as one message may carry."""
        last = min(self.last, after + MOST_POINTS)
        start = self._ends[after - 1] if after else 0
        while last > after + 1 and self._ends[last - 1] - start > LARGEST_BATCH:
            last = after + max(1, (last - after) // 2)
        if last <= after:
            return []
        self._reader.seek(start)
        return [json.loads(line) for line in self._reader.read(self._ends[last - 1] - start).splitlines()]

    def close(self) -> None:
        self._writer.close()
        self._reader.close()


def _line_ends(file: Path) -> list[int]:
    if not file.exists():
        return []
    ends, at = [], 0
    with file.open("rb") as lines:
        for line in lines:
            at += len(line)
            if line.endswith(b"\n"):
                ends.append(at)
    return ends
