"""Reading a folder of labelled images, whatever its layout and wherever its bytes are: one door for CLI and server."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import ModuleType
from typing import Final

from domain.content import Layout, Task
from domain.report import Report
from infra.formats import imagefolder, pascal_voc, yolo
from infra.formats.assembly import Reading, assembled
from infra.formats.errors import FolderIsFaulty, LayoutIsUnknown
from infra.formats.images import MOST_BYTES, ImageFacts, look
from infra.formats.judging import SMALLEST, Judge, Verdict
from infra.formats.listing import File, Listing
from infra.formats.sample import Plan

__all__ = ["File", "ImageFacts", "Reading", "detect", "look", "read_folder", "refuse_faults"]

Read = Callable[[str], bytes]
Facts = Callable[[File], ImageFacts]
Ahead = Callable[[Sequence[File]], None]
TOGETHER: Final = 500
LAYOUTS: Final[dict[Layout, ModuleType]] = {
    Layout.YOLO: yolo,
    Layout.PASCAL_VOC: pascal_voc,
    Layout.IMAGEFOLDER: imagefolder,
}


def detect(listing: Listing) -> Layout:
    """The first layout that the names of the files fit; LayoutIsUnknown says what was seen instead."""
    for layout, module in LAYOUTS.items():
        if module.is_this(listing):
            return layout
    raise LayoutIsUnknown(
        f"this is no layout that can be read; {listing.seen()}. Expected: YOLO (images/ and labels/, data.yaml), "
        "Pascal VOC (JPEGImages/ and Annotations/) or ImageFolder (a folder for each class)"
    )


def read_folder(
    files: Iterable[File], read: Read, facts: Facts | None = None, ahead: Ahead = lambda files: None
) -> Reading:
    """Judge every image. `read` gets a path as it was given; `facts` may know an image by its hash.

    `ahead` hears which images and labels are next, some hundred at a time, before any of them is asked for. What
    concerns one image is left out and named in the report; when nothing is left, the whole is refused.
    """
    listing = Listing(files, read)
    layout = detect(listing)
    plan: Plan = LAYOUTS[layout].plan(listing)
    reading = assembled(layout, plan, _verdicts(listing, plan, facts or _looking(listing), ahead), listing)
    if not reading.report.images_out:
        report = reading.report
        raise FolderIsFaulty(f"none of the {report.images_in} images can be used; {_first(report)}", report)
    return reading


def refuse_faults(report: Report) -> None:
    """What strict means: nothing is left out, or nothing is taken in."""
    if report.dropped:
        raise FolderIsFaulty(f"{len(report.dropped)} faults, and strict allows none; {_first(report)}", report)


def _looking(listing: Listing) -> Facts:
    def facts(file: File) -> ImageFacts:
        if file.size > MOST_BYTES:
            return ImageFacts(fault=f"is larger than {MOST_BYTES // 2**20} MiB")
        return look(listing.read_image(file.path))

    return facts


def _verdicts(listing: Listing, plan: Plan, facts: Facts, ahead: Ahead) -> Iterator[Verdict]:
    names = None if plan.sources is None else frozenset(plan.sources)
    judge = Judge(names, SMALLEST if plan.task is Task.DETECTION else 1)
    images = iter(plan.images)
    while some := list(islice(images, TOGETHER)):
        labels = [label for image in some if (label := plan.labels.get(image))]
        ahead([listing.files[path] for path in (*some, *labels)])
        for image in some:
            file = listing.files[image]
            yield judge.judge(file, facts(file), plan.sample(image))


def _first(report: Report) -> str:
    first = report.dropped[0]
    return f"the first: {first.path} {first.reason}"
