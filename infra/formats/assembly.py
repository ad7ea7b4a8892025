"""From verdicts on images to a dataset: classes with numbers, entries, split, and the report that accounts for all."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from domain.dataset import Layout, Task
from domain.manifest import Annotation, Entry
from domain.paths import quoted
from domain.report import ClassMapping, Report
from domain.split import SIDES, Side, duplicates_apart
from domain.values import ClassNames
from infra.formats.errors import ClassesMakeNoSense
from infra.formats.judging import Verdict
from infra.formats.listing import Listing
from infra.formats.sample import Plan

_NAMES: Final = TypeAdapter[tuple[str, ...]](ClassNames)


class Reading(NamedTuple):
    """A folder, read: entries in order of path; `sides` is the split that came with it, or None."""

    layout: Layout
    task: Task
    classes: tuple[str, ...]
    entries: list[Entry]
    sides: dict[str, Side] | None
    report: Report


def assembled(layout: Layout, plan: Plan, verdicts: list[Verdict], listing: Listing) -> Reading:
    sources = plan.sources if plan.sources is not None else _found(verdicts)
    classes = checked_names(sources)
    entries = _entries(verdicts, {name: number for number, name in enumerate(classes)})
    sides = {entry.path: plan.sides[entry.path] for entry in entries if entry.path in plan.sides}
    mappings = _mappings(sources, entries)
    twins = _duplicates(entries)
    report = Report(
        layout=layout,
        task=plan.task,
        images_in=len(verdicts),
        images_out=len(entries),
        boxes_in=sum(each.boxes_in for each in verdicts) + sum(each.boxes for each in plan.dropped),
        boxes_out=sum(len(entry.annotations) for entry in entries),
        unlabelled=sum(not entry.annotations for entry in entries),
        dropped=(*plan.dropped, *(dropped for verdict in verdicts for dropped in verdict.dropped)),
        classes=mappings,
        split={side: count for side in SIDES if (count := Counter(sides.values())[side])} or None,
        duplicates=tuple(tuple(entry.path for entry in twin) for twin in twins),
        ignored=listing.ignored,
        warnings=(*plan.warnings, *_notes(verdicts), *_warnings(entries, mappings, sides, twins)),
    )
    return Reading(layout, plan.task, classes, entries, sides or None, report)


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    try:
        checked = _NAMES.validate_python(tuple(names))
    except ValidationError as error:
        raise ClassesMakeNoSense(f"the class names cannot be used: {error.errors()[0]['msg']}") from error
    if twice := [name for name, count in Counter(checked).items() if count > 1]:
        raise ClassesMakeNoSense(f"there are two classes named {quoted(twice[0])}")
    return checked


def _found(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """The names that were met, sorted; those that are numbers by value."""
    names = {label.name for verdict in verdicts for label in verdict.labels or ()}
    return {name: name for name in sorted(names, key=lambda name: (int(name) if name.isdecimal() else -1, name))}


def _entries(verdicts: Iterable[Verdict], numbers: dict[str, int]) -> list[Entry]:
    return [
        Entry(
            path=verdict.file.path,
            sha256=verdict.file.sha256,
            size=verdict.file.size,
            width=verdict.facts.width,
            height=verdict.facts.height,
            annotations=tuple(Annotation(class_=numbers[label.name], box=label.box) for label in verdict.labels),
        )
        for verdict in verdicts
        if verdict.labels is not None
    ]


def _duplicates(entries: Iterable[Entry]) -> list[list[Entry]]:
    alike: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.sha256].append(entry)
    return [twins for twins in alike.values() if len(twins) > 1]


def _mappings(sources: dict[str, str], entries: Iterable[Entry]) -> tuple[ClassMapping, ...]:
    images: Counter[int] = Counter()
    annotations: Counter[int] = Counter()
    for entry in entries:
        borne = [annotation.class_ for annotation in entry.annotations]
        images.update(set(borne))
        annotations.update(borne)
    return tuple(
        ClassMapping(name=name, number=n, source=source, images=images[n], annotations=annotations[n])
        for n, (name, source) in enumerate(sources.items())
    )


def _notes(verdicts: Iterable[Verdict]) -> list[str]:
    total: Counter[str] = Counter()
    for verdict in verdicts:
        total.update(verdict.notes)
    return [f"{count} {note}" for note, count in total.items() if count]


def _warnings(
    entries: list[Entry], mappings: Iterable[ClassMapping], sides: dict[str, Side], twins: list[list[Entry]]
) -> list[str]:
    counts = {
        "images bear no label and count as background": sum(not entry.annotations for entry in entries),
        "classes have no label at all": sum(not each.annotations for each in mappings),
        "images are in no list of the split, so on no side": len(entries) - len(sides) if sides else 0,
        "images have exact copies": len(twins),
        "images have copies with other labels": sum(len({each.annotations for each in twin}) > 1 for twin in twins),
        "images have copies on another side, which flatters the figures": len(duplicates_apart(entries, sides)),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
