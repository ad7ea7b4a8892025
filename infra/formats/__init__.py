"""Reading a folder of labelled images, whatever its layout and wherever its bytes are: one door for CLI and server."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import ModuleType
from typing import Final

from domain.dataset import Layout, Task
from infra.formats import imagefolder, pascal_voc, yolo
from infra.formats.assembly import Reading, assembled
from infra.formats.errors import FolderIsFaulty, LayoutIsUnknown
from infra.formats.images import MOST_BYTES, ImageFacts, look
from infra.formats.judging import SMALLEST, Judge, Verdict
from infra.formats.listing import File, Listing
from infra.formats.sample import Plan

__all__ = ["File", "ImageFacts", "Reading", "detect", "look", "read_folder"]

Read = Callable[[str], bytes]
Facts = Callable[[File], ImageFacts]
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
    files: Iterable[File], read: Read, facts: Facts | None = None, *, strict: bool = False, threads: int = 4
) -> Reading:
    """Read everything and look at every image. `read` gets a path as it was given; `facts` may know an image by hash.

    `read` and `facts` are called from several threads. What concerns one image is left out and named in the report;
    with `strict`, or when nothing is left, that refuses the whole.
    """
    listing = Listing(files, read)
    layout = detect(listing)
    plan: Plan = LAYOUTS[layout].plan(listing)
    verdicts = list(_verdicts(listing, plan, facts or _looking(listing), threads))
    reading = assembled(layout, plan, verdicts, listing)
    _refuse_faulty(reading, strict)
    return reading


def _looking(listing: Listing) -> Facts:
    def facts(file: File) -> ImageFacts:
        if file.size > MOST_BYTES:
            return ImageFacts(fault=f"is larger than {MOST_BYTES // 2**20} MiB")
        return look(listing.read_image(file.path))

    return facts


def _verdicts(listing: Listing, plan: Plan, facts: Facts, threads: int) -> Iterator[Verdict]:
    names = None if plan.sources is None else frozenset(plan.sources)
    judge = Judge(names, SMALLEST if plan.task is Task.DETECTION else 1)

    def verdict(image: str) -> Verdict:
        file = listing.files[image]
        return judge.judge(file, facts(file), plan.sample(image))

    images = iter(plan.images)
    with ThreadPoolExecutor(threads, "look") as pool:
        while some := list(islice(images, 64 * threads)):
            yield from pool.map(verdict, some)


def _refuse_faulty(reading: Reading, strict: bool) -> None:
    report = reading.report
    if not report.images_out:
        raise FolderIsFaulty(f"none of the {report.images_in} images can be used; {_first(reading)}", report)
    if strict and report.dropped:
        raise FolderIsFaulty(f"{len(report.dropped)} faults, and strict allows none; {_first(reading)}", report)


def _first(reading: Reading) -> str:
    first = reading.report.dropped[0]
    return f"the first: {first.path} {first.reason}"
