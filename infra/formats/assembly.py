"""From verdicts on images to a dataset: classes with numbers, entries, split, and the report that accounts for all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from domain.content import Layout, Task
from domain.manifest import Annotation, Entry
from domain.paths import quoted
from domain.report import ClassMapping, Report
from domain.tables import ClassTables, Side, SideTable
from domain.values import ClassNames
from infra.formats.errors import ClassesMakeNoSense
from infra.formats.judging import Label, Verdict
from infra.formats.listing import Listing
from infra.formats.packed import Packed
from infra.formats.sample import Plan

_NAMES: Final = TypeAdapter[tuple[str, ...]](ClassNames)


class Kept(NamedTuple):
    """An image that is taken in: nothing but plain values, so that it packs small."""

    path: str
    sha256: str
    size: int
    width: int
    height: int
    labels: tuple[Label, ...]


class Entries:
    """The images of the new revision in order of path, made anew each time somebody goes through them."""

    def __init__(self, kept: Packed[Kept], numbers: Mapping[str, int]) -> None:
        self._kept = kept
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._kept)

    def paths(self) -> Iterator[str]:
        return (kept.path for kept in self._kept)

    def __iter__(self) -> Iterator[Entry]:
        for path, sha256, size, width, height, labels in self._kept:
            annotations = tuple(Annotation(class_=self._numbers[name], box=box) for name, box in labels)
            yield Entry(path=path, sha256=sha256, size=size, width=width, height=height, annotations=annotations)


class Reading(NamedTuple):
    """A folder, read; `sides` is the split that came with it, or None."""

    layout: Layout
    task: Task
    classes: tuple[str, ...]
    entries: Entries
    sides: dict[str, Side] | None
    report: Report


class Collected:
    """What the verdicts come to so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.kept: Packed[Kept] = Packed()
        self.counts: Counter[str] = Counter()
        self.dropped = list(plan.dropped)
        self.notes: Counter[str] = Counter()
        self.tables: ClassTables[str] = ClassTables()
        self.sides: dict[str, Side] = {}
        self._first: dict[str, str] = {}
        self._twins: dict[str, list[str]] = defaultdict(list)

    def add(self, verdict: Verdict) -> None:
        self.counts.update(images_in=1, boxes_in=verdict.boxes_in)
        self.dropped += verdict.dropped
        self.notes.update(verdict.notes)
        if verdict.labels is not None:
            self._keep(verdict, tuple(verdict.labels))

    def _keep(self, verdict: Verdict, labels: tuple[Label, ...]) -> None:
        file, facts = verdict.file, verdict.facts
        self.kept.add(Kept(file.path, file.sha256, file.size, facts.width, facts.height, labels))
        self.counts.update(boxes_out=len(labels), unlabelled=not labels)
        side = self.plan.sides.get(file.path)
        self.tables.add(side, [label.name for label in labels])
        if side:
            self.sides[file.path] = side
        if (first := self._first.setdefault(file.sha256, file.path)) != file.path:
            self._twins[first].append(file.path)

    @property
    def twins(self) -> list[tuple[str, ...]]:
        return [(first, *others) for first, others in self._twins.items()]

    def labelled_apart(self) -> int:
        """How many images have copies with other labels."""
        if not self._twins:
            return 0
        of = {path: first for first, *others in self.twins for path in (first, *others)}
        labels: dict[str, set[tuple[Label, ...]]] = defaultdict(set)
        for kept in self.kept:
            if kept.path in of:
                labels[of[kept.path]].add(kept.labels)
        return sum(len(each) > 1 for each in labels.values())

    def twins_apart(self) -> int:
        """How many images have copies on another side."""
        return sum(len({self.sides[path] for path in twin if path in self.sides}) > 1 for twin in self.twins)


def assembled(layout: Layout, plan: Plan, verdicts: Iterable[Verdict], listing: Listing) -> Reading:
    collected = Collected(plan)
    for verdict in verdicts:
        collected.add(verdict)
    sources = plan.sources if plan.sources is not None else _found(collected.tables.labels())
    classes = checked_names(sources)
    tables = collected.tables.sides(tuple(sources), classes) if collected.sides else ()
    report = _report(layout, plan, collected, sources, tables, listing.ignored)
    entries = Entries(collected.kept, {name: number for number, name in enumerate(sources)})
    return Reading(layout, plan.task, classes, entries, collected.sides or None, report)


def _report(
    layout: Layout,
    plan: Plan,
    collected: Collected,
    sources: Mapping[str, str],
    tables: tuple[SideTable, ...],
    ignored: int,
) -> Report:
    counts = collected.counts
    mappings = _mappings(sources, collected.tables)
    return Report(
        layout=layout,
        task=plan.task,
        images_in=counts["images_in"],
        images_out=len(collected.kept),
        boxes_in=counts["boxes_in"] + sum(each.boxes for each in plan.dropped),
        boxes_out=counts["boxes_out"],
        unlabelled=counts["unlabelled"],
        dropped=tuple(collected.dropped),
        classes=mappings,
        split={table.side: table.images for table in tables} or None,
        sides=tables,
        duplicates=tuple(collected.twins),
        ignored=ignored,
        warnings=(
            *plan.warnings,
            *(f"{count} {note}" for note, count in collected.notes.items() if count),
            *_warnings(collected, mappings),
        ),
    )


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    try:
        checked = _NAMES.validate_python(tuple(names))
    except ValidationError as error:
        raise ClassesMakeNoSense(f"the class names cannot be used: {error.errors()[0]['msg']}") from error
    if twice := [name for name, count in Counter(checked).items() if count > 1]:
        raise ClassesMakeNoSense(f"there are two classes named {quoted(twice[0])}")
    return checked


def _found(names: Iterable[str]) -> dict[str, str]:
    """The names that were met, sorted; those that are numbers by value."""
    return {name: name for name in sorted(names, key=lambda name: (int(name) if name.isdecimal() else -1, name))}


def _mappings(sources: Mapping[str, str], tables: ClassTables[str]) -> tuple[ClassMapping, ...]:
    return tuple(
        ClassMapping(name=name, number=n, source=source, images=images, annotations=annotations)
        for n, (name, source) in enumerate(sources.items())
        for images, annotations in [tables.of_class(name)]
    )


def _warnings(collected: Collected, mappings: Iterable[ClassMapping]) -> list[str]:
    sides = collected.sides
    counts = {
        "images bear no label and count as background": collected.counts["unlabelled"],
        "classes have no label at all": sum(not each.annotations for each in mappings),
        "images are in no list of the split, so on no side": len(collected.kept) - len(sides) if sides else 0,
        "images have exact copies": len(collected.twins),
        "images have copies with other labels": collected.labelled_apart(),
        "images have copies on another side, which flatters the figures": collected.twins_apart(),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
