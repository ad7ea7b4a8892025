"""Which image is on which side: training, validation, test.

A split is decided by the images' hashes, classes and the seed alone: by ranks of SHA-256 and no random generator, so it
comes out the same in every version of Python and for every order or name of the images. Exact duplicates and the
members of a group are one unit and never stand on two sides.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from domain.dataset import Ratios, SplitMethod
from domain.deal import Deal, Together, Unit, rank
from domain.errors import Invalid
from domain.manifest import Entry, PageIsDamaged
from domain.paths import SafePath, quoted
from domain.values import Count, Sha256, Value

Side = Literal["train", "val", "test"]
SIDES: Final[tuple[Side, ...]] = ("train", "val", "test")
GroupOf = Callable[[str], str | None]
UNLABELLED: Final = -1


class RatiosMakeNoSense(Invalid):
    pass


class SplitNamesUnknownImages(Invalid):
    pass


class SplitNeedsImages(Invalid):
    pass


class Sides(Value):
    """A split as it is stored: fields in alphabetical order, so pydantic's JSON is canonical (RFC 8785)."""

    format: Literal[1] = 1
    root: Sha256
    test: tuple[SafePath, ...]
    train: tuple[SafePath, ...]
    val: tuple[SafePath, ...]

    def canonical(self) -> bytes:
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, data: bytes) -> "Sides":
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise PageIsDamaged("the object is not a split") from error

    def side_of(self) -> dict[str, Side]:
        return {path: side for side in SIDES for path in getattr(self, side)}


class ClassLine(Value):
    name: str
    images: Count
    annotations: Count


class SideTable(Value):
    """What one side holds, class by class."""

    side: Side
    images: Count
    classes: Annotated[tuple[ClassLine, ...], Field(max_length=2_000)]


def as_given(root: str, entries: Iterable[Entry], given: Mapping[str, Side]) -> Sides:
    """The split that came with the data, as it is: an image it does not name is on no side."""
    unknown = sorted(given.keys() - {entry.path for entry in entries})
    if unknown:
        raise SplitNamesUnknownImages(f"the split names {quoted(unknown[0])}, which is not in the dataset")
    return _sides(root, {each: [path for path, side in given.items() if side == each] for each in SIDES})


def make_split(
    root: str,
    entries: Iterable[Entry],
    method: SplitMethod,
    ratios: Ratios,
    seed: int,
    group_of: GroupOf = lambda path: None,
) -> Sides:
    """Divide the images anew: `auto` at random, `stratified` so that each side has its share of every class."""
    shares = _shares(ratios)
    units = _units(entries, seed, group_of)
    if len(units) < len(shares):
        raise SplitNeedsImages(f"{len(shares)} sides need as many images that differ; there are {len(units)}")
    deal = Deal(units, shares)
    sides = deal.stratified() if method is SplitMethod.STRATIFIED else deal.at_random()
    return _sides(root, sides)


def class_tables(entries: Iterable[Entry], classes: Sequence[str], sides: Sides) -> tuple[SideTable, ...]:
    """For each side how many images it has, and of each class how many images and annotations."""
    side_of = sides.side_of()
    images: Counter[tuple[Side, int]] = Counter()
    annotations: Counter[tuple[Side, int]] = Counter()
    for entry in entries:
        if side := side_of.get(entry.path):
            borne = [annotation.class_ for annotation in entry.annotations]
            images.update((side, label) for label in set(borne))
            annotations.update((side, label) for label in borne)
    return tuple(
        SideTable(
            side=side,
            images=len(getattr(sides, side)),
            classes=tuple(
                ClassLine(name=name, images=images[side, number], annotations=annotations[side, number])
                for number, name in enumerate(classes)
            ),
        )
        for side in SIDES
    )


def duplicates_apart(entries: Iterable[Entry], side_of: Mapping[str, Side]) -> list[tuple[str, ...]]:
    """Exact duplicates that stand on several sides: what is measured there is flattered."""
    alike: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        if entry.path in side_of:
            alike[entry.sha256].append(entry.path)
    return [tuple(paths) for paths in alike.values() if len({side_of[path] for path in paths}) > 1]


def _shares(ratios: Ratios) -> dict[Side, float]:
    shares: dict[Side, float] = {"train": ratios.train, "val": ratios.val, "test": ratios.test}
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise RatiosMakeNoSense("the ratios of train, val and test must sum to 1")
    if not ratios.train:
        raise RatiosMakeNoSense("the training side needs a share above 0")
    return {side: share for side, share in shares.items() if share > 0}


def _units(entries: Iterable[Entry], seed: int, group_of: GroupOf) -> list[Unit]:
    together, images = Together(), []
    for entry in entries:
        labels = {annotation.class_ for annotation in entry.annotations} or {UNLABELLED}
        images.append((entry.path, entry.sha256, labels))
        if (group := group_of(entry.path)) is not None:
            together.join(entry.sha256, f"group/{group}")
    units: dict[str, Unit] = {}
    for path, sha256, labels in images:
        key = together.find(sha256)
        mine = rank(seed, sha256)
        unit = units.setdefault(key, Unit(mine))
        unit.rank = min(unit.rank, mine)
        unit.paths.append(path)
        unit.labels.update(labels)
    return list(units.values())


def _sides(root: str, sides: Mapping[Side, Iterable[str]]) -> Sides:
    return Sides(root=root, **{side: tuple(sorted(sides.get(side, ()))) for side in SIDES})
