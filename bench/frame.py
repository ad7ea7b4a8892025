"""How a benchmark reports: ours, the limit measured beside it, their ratio, the goal."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """One line of the table. `ours` and `limit` are in `unit`; `more_is_better` says which way is good."""

    work: str
    unit: str
    ours: float
    limit: float
    limit_is: str
    goal: float | None
    more_is_better: bool = True

    @property
    def ratio(self) -> float:
        return self.ours / self.limit

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.ratio >= self.goal if self.more_is_better else self.ratio <= self.goal


Benchmark = Callable[[], Iterator[Result]]


def rate(work: Callable[[], int]) -> float:
    """Pieces per second of one call that answers how many pieces it did."""
    start = time.perf_counter()
    pieces = work()
    return pieces / (time.perf_counter() - start)


def alternating(ours: Callable[[], float], limit: Callable[[], float], pairs: int = 3) -> tuple[float, float]:
    """Medians of both, measured in turn, so that a noisy neighbour disturbs both alike."""
    both = [(ours(), limit()) for _ in range(pairs)]
    return statistics.median(o for o, _ in both), statistics.median(b for _, b in both)


def show(results: list[Result], file: Path) -> None:
    table = Table("work", "ours", "limit", "limit is", "ratio", "goal", title="benchmarks")
    for r in results:
        sign = "≥" if r.more_is_better else "≤"
        goal = "" if r.goal is None else f"{sign} {r.goal:g} {'✓' if r.met else '✗'}"
        table.add_row(r.work, f"{r.ours:,.1f} {r.unit}", f"{r.limit:,.1f} {r.unit}", r.limit_is, f"{r.ratio:.2f}", goal)
    Console().print(table)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(r) | {"ratio": r.ratio, "met": r.met} for r in results], indent=2) + "\n")
