"""The class table of each side: how many images and annotations of every class stand where."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import Field, ValidationError

from domain.errors import Refused
from domain.values import Count, Value

Side = Literal["train", "val", "test"]
SIDES: Final[tuple[Side, ...]] = ("train", "val", "test")
K = TypeVar("K", str, int)


class TablesAreDamaged(Refused):
    pass


class ClassLine(Value):
    name: str
    images: Count
    annotations: Count


class SideTable(Value):
    """What one side holds, class by class."""

    side: Side
    images: Count
    classes: Annotated[tuple[ClassLine, ...], Field(max_length=2_000)]


class SideTables(Value):
    """The tables as they are stored, for the sides that have images."""

    format: Literal[1] = 1
    sides: tuple[SideTable, ...]

    def canonical(self) -> bytes:
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, data: bytes) -> "SideTables":
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise TablesAreDamaged("the object is no table of classes") from error


class ClassTables(Generic[K]):
    """Counts while images go by, each with its side (or none) and the classes of its annotations."""

    def __init__(self) -> None:
        self._on: Counter[Side | None] = Counter()
        self._images: Counter[tuple[Side | None, K]] = Counter()
        self._annotations: Counter[tuple[Side | None, K]] = Counter()

    def add(self, side: Side | None, labels: Collection[K]) -> None:
        self._on[side] += 1
        self._images.update((side, label) for label in set(labels))
        self._annotations.update((side, label) for label in labels)

    def labels(self) -> Iterable[K]:
        return {label for _, label in self._annotations}

    def of_class(self, label: K) -> tuple[int, int]:
        """Images and annotations on all sides and on none."""
        places = (*SIDES, None)
        return sum(self._images[side, label] for side in places), sum(self._annotations[side, label] for side in places)

    def sides(self, labels: Sequence[K], names: Sequence[str]) -> tuple[SideTable, ...]:
        """A table for each side that has images, with a line for each class."""
        return tuple(
            SideTable(
                side=side,
                images=self._on[side],
                classes=tuple(
                    ClassLine(name=name, images=self._images[side, label], annotations=self._annotations[side, label])
                    for label, name in zip(labels, names, strict=True)
                ),
            )
            for side in SIDES
            if self._on[side]
        )
