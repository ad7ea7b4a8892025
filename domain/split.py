"""Which image is on which side: training, validation, test.

A split is decided by the images' hashes, classes and the seed alone: by ranks of SHA-256 and no random generator, so it
comes out the same in every version of Python and for every order or name of the images. Exact duplicates and the
members of a group are one unit and never stand on two sides.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from pydantic import ValidationError

from domain.content import Ratios, SplitMethod
from domain.deal import Deal, Together, Unit, rank
from domain.errors import Invalid
from domain.groups import Groups
from domain.manifest import Entry, PageIsDamaged
from domain.paths import SafePath, quoted
from domain.tables import SIDES, ClassTables, Side, SideTables
from domain.values import Sha256, Value

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


def as_given(root: str, paths: Iterable[str], given: Mapping[str, Side]) -> Sides:
    """The split that came with the data, as it is: an image it does not name is on no side."""
    unknown = sorted(given.keys() - set(paths))
    if unknown:
        raise SplitNamesUnknownImages(f"the split names {quoted(unknown[0])}, which is not in the dataset")
    return _sides(root, {each: [path for path, side in given.items() if side == each] for each in SIDES})


def make_split(
    root: str,
    entries: Iterable[Entry],
    method: SplitMethod,
    ratios: Ratios,
    seed: int,
    groups: Groups | None = None,
) -> Sides:
    """Divide the images anew: `auto` at random, `stratified` so that each side has its share of every class."""
    shares = _shares(sensible(ratios))
    units = _units(entries, seed, groups or Groups(None))
    if len(units) < len(shares):
        finer = "; a pattern groups by names, as in `{group}_*`" if groups and groups.names else ""
        raise SplitNeedsImages(
            f"{len(shares)} sides need as many images or groups that differ; there are {len(units)}{finer}"
        )
    deal = Deal(units, shares)
    sides = deal.stratified() if method is SplitMethod.STRATIFIED else deal.at_random()
    return _sides(root, sides)


def class_tables(entries: Iterable[Entry], classes: Sequence[str], sides: Sides) -> SideTables:
    """For each side how many images it has, and of each class how many images and annotations."""
    side_of, tables = sides.side_of(), ClassTables[int]()
    for entry in entries:
        tables.add(side_of.get(entry.path), [annotation.class_ for annotation in entry.annotations])
    return SideTables(sides=tables.sides(range(len(classes)), classes))


def sensible(ratios: Ratios) -> Ratios:
    """Not a rule of the value itself, which is in stored events. Raises RatiosMakeNoSense."""
    if abs(ratios.train + ratios.val + ratios.test - 1) > 1e-6:
        raise RatiosMakeNoSense("the ratios train, val and test must add up to 1")
    if not ratios.train:
        raise RatiosMakeNoSense("the training side needs a share above 0")
    return ratios


def _shares(ratios: Ratios) -> dict[Side, float]:
    shares: dict[Side, float] = {"train": ratios.train, "val": ratios.val, "test": ratios.test}
    return {side: share for side, share in shares.items() if share > 0}


def _units(entries: Iterable[Entry], seed: int, groups: Groups) -> list[Unit]:
    together, images = Together(), []
    for entry in entries:
        labels = {annotation.class_ for annotation in entry.annotations} or {UNLABELLED}
        images.append((entry.path, entry.sha256, labels))
        if (group := groups.of(entry.path)) is not None:
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
