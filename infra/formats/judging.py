"""Judging one image: what of it and of its labels can be kept, and why the rest cannot."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from domain.paths import quoted
from domain.report import Dropped
from domain.values import Name
from infra.formats import boxes
from infra.formats.images import ImageFacts
from infra.formats.listing import File
from infra.formats.sample import Box, Sample

MOST_WRONG: Final = 100
SMALLEST: Final = 10
_NAME: Final = TypeAdapter[str](Name)


class Label(NamedTuple):
    name: str
    box: tuple[str, str, str, str] | None


@dataclass
class Verdict:
    """`labels` is None where the image is left out as a whole."""

    file: File
    facts: ImageFacts
    boxes_in: int
    labels: list[Label] | None = None
    dropped: list[Dropped] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


class Judge:
    """Knows which class names there are (None: any that is fit to be a name), and how small an image may be."""

    def __init__(self, names: frozenset[str] | None, smallest: int) -> None:
        self.names = names
        self.smallest = smallest
        self._faults: dict[str, str | None] = {}

    def judge(self, file: File, facts: ImageFacts, sample: Sample) -> Verdict:
        verdict = Verdict(file, facts, len(sample.boxes) + len(sample.wrong), notes=Counter(sample.notes))
        size = sample.size or (facts.width, facts.height)
        reason = facts.fault or sample.fault or _size_fault(size, facts, self.smallest)
        if reason is None:
            labels = [self._label(box, size, file, verdict) for box in sample.boxes]
            verdict.dropped += sample.wrong
            verdict.labels = [label for label in labels if label]
            reason = _labels_fault(verdict)
        if reason:
            verdict.labels, verdict.notes = None, Counter()
            verdict.dropped = [Dropped(what="image", path=file.path, reason=reason, boxes=verdict.boxes_in)]
        else:
            self._note(size, verdict)
        return verdict

    def _label(self, box: Box, size: tuple[int, int], file: File, verdict: Verdict) -> Label | None:
        edges = boxes.relative(box.edges, size) if box.edges else None
        reason = self._name_fault(box.name) or (boxes.fault(edges) if edges else None)
        if reason:
            verdict.dropped.append(Dropped(what="box", path=file.path, where=box.where, reason=reason, boxes=1))
            return None
        if edges and boxes.is_clipped(edges):
            verdict.notes["boxes reach a little over the edge of their image and were cut there"] += 1
        return Label(box.name, boxes.box(edges) if edges else None)

    def _name_fault(self, name: str) -> str | None:
        if name not in self._faults:
            self._faults[name] = self._new_name_fault(name)
        return self._faults[name]

    def _new_name_fault(self, name: str) -> str | None:
        if self.names is not None and name not in self.names:
            return f"has the class {quoted(name)}, which is not among the {len(self.names)} classes"
        return None if is_name(name) else f"has the class {quoted(name)}, which is not fit to be a name"

    def _note(self, size: tuple[int, int], verdict: Verdict) -> None:
        facts = verdict.facts
        if facts.turned:
            verdict.notes[
                "images are turned by their EXIF orientation; width, height and boxes are taken to be those of the "
                "upright image, and a program that ignores the orientation would see them otherwise"
            ] += 1
        if min(facts.width, facts.height) < SMALLEST:
            verdict.notes[f"images have fewer than {SMALLEST} pixels on a side, which ultralytics cannot train on"] += 1
        if size not in ((1, 1), (facts.width, facts.height)):
            verdict.notes["images were annotated at another size of the same shape; their boxes were scaled"] += 1


def is_name(name: str) -> bool:
    try:
        return _NAME.validate_python(name) == name
    except ValidationError:
        return False


def _size_fault(size: tuple[int, int], facts: ImageFacts, smallest: int) -> str | None:
    width, height = size
    if min(facts.width, facts.height) < smallest:
        return (
            f"has {facts.width} × {facts.height} pixels, too few to find anything in (less than {smallest} on a side)"
        )
    if size == (1, 1) or abs(width * facts.height - height * facts.width) <= 0.01 * width * facts.height:
        return None
    return f"was annotated as {width} × {height} pixels but has {facts.width} × {facts.height}"


def _labels_fault(verdict: Verdict) -> str | None:
    """An image whose labels are all useless would teach that there is nothing to see."""
    if len(verdict.dropped) > MOST_WRONG:
        return f"more than {MOST_WRONG} of its labels cannot be used"
    if verdict.dropped and not verdict.labels:
        first = verdict.dropped[0]
        return f"none of its labels can be used; the first ({first.where}) {first.reason}"
    return None
