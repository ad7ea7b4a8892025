"""What files hashed to the last time, so that a large folder that hardly changed is not read whole again.

As git's index does: a file is the one of then by device, inode, size, and the times of its last change to the
nanosecond. One that changed a moment ago is not remembered, for it may change again within the same tick of the clock.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

SETTLED_AFTER: Final = 2 * 10**9  # nanoseconds; the coarsest file systems in use count in steps of two seconds
MOST: Final = 4_000_000
TOGETHER: Final = 1_000
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS files (device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER,"
    " sha256 BLOB NOT NULL, PRIMARY KEY (device, inode)) WITHOUT ROWID"
)


class Hashed(NamedTuple):
    size: int
    sha256: str


class Mark(NamedTuple):
    """By which a file is known again."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def mark_of(path: Path) -> Mark | None:
    """None where this is no regular file, or is gone."""
    try:
        seen = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        return None
    # SQLite's integers are signed, inodes and devices of some file systems are not.
    device, inode = (number & (2**63 - 1) for number in (seen.st_dev, seen.st_ino))
    return Mark(device, inode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


@dataclass
class Remembered:
    """Of some files what they hashed to, where they are those of then; and what they hash to now."""

    marks: dict[Path, Mark] = field(default_factory=dict)
    known: dict[Mark, str] = field(default_factory=dict)
    new: dict[Mark, str] = field(default_factory=dict)

    def find(self, path: Path) -> Hashed | None:
        mark = self.marks.get(path)
        return Hashed(mark.size, self.known[mark]) if mark in self.known else None

    def note(self, path: Path, hashed: Hashed) -> Hashed:
        """One that changes while it is read is not known again."""
        mark = self.marks.get(path)
        if mark is not None and mark == mark_of(path):
            self.new[mark] = hashed.sha256
        return hashed


class Hashes:
    """A file of this user's own. Where it cannot be read or written, nothing is remembered; nothing else is lost."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, paths: Iterable[Path]) -> Remembered:
        marks = {path: mark for path in paths if (mark := mark_of(path))}
        try:
            with closing(self._open()) as kept:
                return Remembered(marks, dict(_found(kept, marks.values())))
        except (sqlite3.Error, OSError):
            return Remembered(marks)

    def keep(self, remembered: Remembered) -> None:
        settled = time.time_ns() - SETTLED_AFTER
        new = [(m, sha256) for m, sha256 in remembered.new.items() if max(m.modified, m.changed) < settled][:MOST]
        if not new:
            return
        try:
            with closing(self._open()) as kept, kept:
                (count,) = kept.execute("SELECT count(*) FROM files").fetchone()
                if count + len(new) > MOST:
                    kept.execute("DELETE FROM files")
                rows = ((*mark, bytes.fromhex(sha256)) for mark, sha256 in new)
                kept.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError):
            return

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        kept = sqlite3.connect(self._file)
        try:
            kept.execute(_TABLE)
        except sqlite3.Error:
            kept.close()
            raise
        return kept


def _found(kept: sqlite3.Connection, marks: Iterable[Mark]) -> Iterator[tuple[Mark, str]]:
    rest = iter(marks)
    while some := set(islice(rest, TOGETHER)):
        wanted = ",".join(["(?, ?)"] * len(some))
        rows = kept.execute(
            "SELECT device, inode, size, modified, changed, sha256 FROM files"
            f" WHERE (device, inode) IN (VALUES {wanted})",
            [number for mark in some for number in mark[:2]],
        )
        for *seen, sha256 in rows:
            if (mark := Mark(*seen)) in some:
                yield mark, sha256.hex()
