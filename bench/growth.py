"""Whether what was sampled of a process over time stays, or grows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from cli.output import table as columns

WARM: Final = 0.2
"""The share of the time in which caches and pools fill, and growing is no leak."""
MIB, SHARE, FILES = 12.0, 0.05, 8
"""What may come and go: the larger of so many MiB or of such a share; and so many files."""


class Sample(NamedTuple):
    seconds: float
    mib: float
    files: int


@dataclass
class Series:
    name: str
    samples: list[Sample] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)

    def add(self, pid: int, sample: Sample) -> None:
        self.pids.add(pid)
        self.samples.append(sample)

    @property
    def warm(self) -> list[Sample]:
        begin = self.samples[-1].seconds * WARM
        return [each for each in self.samples if each.seconds >= begin]

    @property
    def early(self) -> tuple[float, float]:
        return middle(self.warm[: max(1, len(self.warm) // 4)])

    @property
    def late(self) -> tuple[float, float]:
        return middle(self.warm[-max(1, len(self.warm) // 4) :])

    @property
    def grows(self) -> str:
        """What of it does; nothing, where it stays."""
        (mib, files), (then_mib, then_files) = self.early, self.late
        found = []
        if then_mib - mib > max(MIB, SHARE * mib):
            found.append("memory")
        if then_files - files > FILES:
            found.append("files")
        return " and ".join(found)


def middle(samples: list[Sample]) -> tuple[float, float]:
    return median(each.mib for each in samples), median(each.files for each in samples)


def verdicts(series: Iterable[Series]) -> list[str]:
    return [f"{each.name} ({each.grows})" for each in series if each.grows]


def table(series: Iterable[Series]) -> str:
    heads = ("process", "samples", "MiB early", "late", "peak", "files early", "late", "peak", "verdict")
    return columns(heads, map(row, series))


def row(each: Series) -> tuple[object, ...]:
    (mib, files), (then_mib, then_files) = each.early, each.late
    most_mib, most_files = max(s.mib for s in each.samples), max(s.files for s in each.samples)
    figures = (f"{mib:.1f}", f"{then_mib:.1f}", f"{most_mib:.1f}", files, then_files, most_files)
    return each.name, len(each.samples), *figures, f"grows: {each.grows}" if each.grows else "flat"
