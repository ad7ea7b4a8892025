"""What benchmarks came to, in one file, written as it comes: nothing is lost where a run is stopped."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.frame import Result


@dataclass
class Measured:
    """One benchmark: by which code, at which load (the least, the most), and what it came to so far."""

    at: str
    code: str
    load: tuple[float, float]
    seconds: float = 0.0
    whole: bool = False
    results: list[Result] = field(default_factory=list)

    def took(self, seconds: float) -> None:
        now = os.getloadavg()[0]
        self.seconds, self.load = seconds, (min(self.load[0], now), max(self.load[1], now))


_ALL: Final = TypeAdapter(dict[str, Measured])


class Kept:
    """A benchmark that is measured again takes the place of what it came to before; the others stay."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._all = _ALL.validate_python(json.loads(file.read_text())["benchmarks"]) if file.exists() else {}

    def has(self, name: str, code: str) -> bool:
        """Whether it was measured to its end by this code. Of changed code nobody can tell whether it is the same."""
        found = self._all.get(name)
        return found is not None and found.whole and found.code == code and not code.endswith("-changed")

    def measured(self, name: str, code: str, results: Iterator[Result]) -> Iterator[Result]:
        start, load = time.monotonic(), os.getloadavg()[0]
        mine = self._all[name] = Measured(datetime.now(UTC).isoformat(timespec="seconds"), code, (load, load))
        for result in results:
            mine.results.append(result)
            self._write(mine, time.monotonic() - start)
            yield result
        mine.whole = True
        self._write(mine, time.monotonic() - start)

    def results(self, names: Sequence[str]) -> list[Result]:
        return [result for name in names for result in self._all[name].results]

    def seconds(self, names: Sequence[str]) -> dict[str, float]:
        return {name: self._all[name].seconds for name in names}

    def _write(self, mine: Measured, seconds: float) -> None:
        mine.took(seconds)
        told = {name: _told(each) for name, each in self._all.items()}
        whole = {"cores": os.cpu_count(), "seconds": sum(each.seconds for each in self._all.values())}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(whole | {"benchmarks": told}, indent=2) + "\n")
        new.replace(self._file)


def _told(each: Measured) -> dict[str, object]:
    return asdict(each) | {"results": [asdict(r) | {"ratio": r.ratio, "met": r.met} for r in each.results]}
