"""Whether a process that is not ready yet is at work: it or its children use a processor, or its log grows."""

import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
# Less than that is used by whoever only looks again and again for what does not come.
WORTH = 0.2
LOOKED_AT_EVERY = 1.0


@dataclass
class Stirring:
    pid: int
    log: Path
    _used: float = field(init=False)
    _length: int = field(init=False)
    _since: float = field(init=False)
    _looked: float = field(init=False)

    def __post_init__(self) -> None:
        self._used, self._length = processor_seconds(self.pid), length(self.log)
        self._since = self._looked = time.monotonic()

    def quiet(self) -> float:
        """For how many seconds nothing was seen of it."""
        now = time.monotonic()
        if now - self._looked >= LOOKED_AT_EVERY:
            self._looked = now
            self._look(now)
        return now - self._since

    def _look(self, now: float) -> None:
        used, grown = processor_seconds(self.pid), length(self.log)
        if abs(used - self._used) >= WORTH or grown != self._length:
            self._used, self._length, self._since = used, grown, now


def length(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def processor_seconds(pid: int) -> float:
    """What it and all that it started have used; nothing where no kernel tells."""
    children, ticks = defaultdict[int, list[int]](list), dict[int, int]()
    for stat in PROC.glob("[0-9]*/stat"):
        try:  # its second field, in brackets, is a name, and may have blanks
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        one = int(stat.parent.name)
        children[int(fields[1])].append(one)
        ticks[one] = sum(map(int, fields[11:15]))
    family = [pid]
    for one in family:
        family += children[one]
    return sum(ticks.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")
