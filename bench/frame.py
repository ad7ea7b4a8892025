"""How a benchmark measures and reports: ours beside a limit or a peer, in turn, their ratio, the goal."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import log
from typing import Self

from rich.console import Console
from rich.table import Table

from tests.servers import Servers

Rounds = Mapping[str, Sequence[float]]
"""What each way of doing the work came to, round by round."""


@dataclass(frozen=True)
class Result:
    """One line of the table. Ratio and goal are against `limit`; where there is none, the goal is for `ours` itself."""

    work: str
    unit: str
    ours: float
    limit: float | None = None
    limit_is: str = ""
    goal: float | None = None
    more_is_better: bool = True
    ratios: tuple[float, ...] = ()
    notes: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        work: str,
        unit: str,
        rounds: Rounds,
        against: str,
        goal: float | None = None,
        *,
        more_is_better: bool = True,
        notes: Mapping[str, float] | None = None,
    ) -> Self:
        """`ours` against one of the others: medians, and the ratio of each round."""
        ours, limit = rounds["ours"], rounds[against]
        return cls(
            work,
            unit,
            statistics.median(ours),
            statistics.median(limit),
            against,
            goal,
            more_is_better,
            tuple(o / b for o, b in zip(ours, limit, strict=True)),
            notes or {},
        )

    @cached_property
    def ratio(self) -> float | None:
        """Of rounds measured in turn their median, since a noisy neighbour disturbs both sides of one alike."""
        if self.limit is None:
            return None
        return statistics.median(self.ratios) if self.ratios else self.ours / self.limit

    @property
    def met(self) -> bool | None:
        reached = self.ours if self.ratio is None else self.ratio
        if self.goal is None:
            return None
        return reached >= self.goal if self.more_is_better else reached <= self.goal


@dataclass(frozen=True)
class Bench:
    """What a benchmark is given: real servers, and how much to do."""

    servers: Servers
    long: bool = False

    @cached_property
    def mlflow_port(self) -> int:
        """Of the stack's own, without the patience that it has beside a training; it stays, for it is slow to load."""
        child = replace(self.servers.stack._mlflow(), nice=0)
        self.servers.stack.start([child])
        return int(child.argv[3])

    def size(self, short: int, long: int) -> int:
        return long if self.long else short


Benchmark = Callable[[Bench], Iterator[Result]]


def rate(work: Callable[[], int]) -> float:
    """Pieces per second of one call that answers how many pieces it did."""
    start = time.perf_counter()
    pieces = work()
    return pieces / (time.perf_counter() - start)


def by(hands: int, seconds: float, once: Callable[[], object]) -> float:
    """How often in a second so many hands do it, each again and again; what opens connections is not counted."""

    def share(end: float) -> int:
        done = 0
        while time.perf_counter() < end:
            once()
            done += 1
        return done

    with ThreadPoolExecutor(hands) as pool:
        list(pool.map(lambda _: once(), range(hands)))
        return rate(lambda: sum(pool.map(share, [time.perf_counter() + seconds] * hands)))


def in_turn(ways: Mapping[str, Callable[[], float]], rounds: int = 3) -> Rounds:
    """Each way of doing the same work, one after the other, round by round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def growth(work: str, of: str, cost: Sequence[tuple[int, float]]) -> Iterator[Result]:
    """How cost, found at each size, grows: 0 where size does not matter, 1 where twice as much costs twice."""
    for (small, less), (large, more) in pairwise(cost):
        exponent = log(more / less) / log(large / small)
        yield Result(f"{work}: exponent, {small:,} to {large:,} {of}", "", exponent, more_is_better=False)


def settle() -> None:
    """What building a history left in this process is not what serves a request: no full collection looks at it."""
    gc.collect()
    gc.freeze()


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show(results: Sequence[Result]) -> None:
    table = Table("work", "ours", "limit", "limit is", "ratio", "goal", title="benchmarks")
    for each in results:
        table.add_row(*_cells(each))
    Console(width=None if Console().is_terminal else 180).print(table)


def _cells(r: Result) -> tuple[str, ...]:
    notes = "".join(f", {name} {value:,.1f}" for name, value in r.notes.items())
    ratio = "" if r.ratio is None else f"{r.ratio:.2f}"
    spread = f" ({min(r.ratios):.2f}–{max(r.ratios):.2f})" if r.ratios else ""
    goal = "" if r.goal is None else f"{'≥' if r.more_is_better else '≤'} {r.goal:g} {'✓' if r.met else '✗'}"
    limit = "" if r.limit is None else f"{r.limit:,.1f} {r.unit}"
    return r.work, f"{r.ours:,.1f} {r.unit}{notes}", limit, r.limit_is, ratio + spread, goal
