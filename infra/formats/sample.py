"""What a layout says about one image, before anybody has looked at the image."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.content import Task
from domain.report import Dropped
from domain.tables import Side
from infra.formats.errors import FileIsHostile

MOST_LABELS: Final = 20_000


class Box(NamedTuple):
    """Edges, in the unit that the sample's size gives; None where the class is the whole label."""

    where: str
    name: str
    edges: tuple[float, float, float, float] | None


@dataclass
class Sample:
    """`size`, what edges are relative to: pixels as the annotation declares them, (1, 1), or None: the image's own."""

    boxes: list[Box] = field(default_factory=list)
    wrong: list[Dropped] = field(default_factory=list)
    fault: str | None = None
    size: tuple[int, int] | None = (1, 1)
    notes: Counter[str] = field(default_factory=Counter)


class Plan(NamedTuple):
    """How a layout is to be read: which images, what each bears (`sample`), and what came with them.

    `labels` names the file that says so, where there is one for each image. `sources` names the classes in order with
    what stands for each in the files; None: the names found, sorted.
    """

    task: Task
    images: Sequence[str]
    sample: Callable[[str], Sample]
    sources: dict[str, str] | None
    sides: dict[str, Side]
    dropped: list[Dropped]
    warnings: list[str]
    labels: Mapping[str, str | None] = MappingProxyType({})


def refuse_too_many(path: str, labels: Sized) -> None:
    if len(labels) > MOST_LABELS:
        raise FileIsHostile(f"{path!r} has {len(labels):,} labels for one image; {MOST_LABELS:,} are allowed")
