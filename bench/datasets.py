"""A very large dataset, made of entries instead of files: a snapshot, one more image, what differs in a hundred."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from bench.frame import Bench, Result, growth
from bench.pushing import peak, signed_in
from cli.client import Api
from commands.ports import Prepared
from domain import revision
from domain.content import Content, Layout, Task
from domain.manifest import Annotation, Entry
from domain.report import Report
from domain.revision import Manifest
from infra.arrivals import Arrivals
from infra.blobs import Blobs
from infra.contents import DatasetContents
from infra.objects import Objects
from infra.pages import Pages
from infra.uploads import Uploads
from infra.wiring import Core
from tests.serving import Serving

CLASSES = ("cat", "dog")
TIMES = 20


def datasets(bench: Bench) -> Iterator[Result]:
    costs: dict[str, list[tuple[int, float]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="vistory-bench-") as name,
        signed_in(bench.servers, Path(name)) as (running, door),
        opened(running) as contents,
    ):
        organization = UUID(door.get("/auth/me")["organization_id"])
        pages = Counting(contents, organization)
        for count in (10_000, 100_000, 1_000_000) if bench.long else (50_000,):
            start = time.perf_counter()
            first = pages.written(partial(revision.build, entries(range(count)), CLASSES))
            yield Result(f"{count:,} images: written whole", "images/s", count / (time.perf_counter() - start))
            before = peak(running)
            for what, found in measured(door, pages, first, count):
                costs.setdefault(what, []).append((count, found.ours))
                yield found
            after = Result(f"{count:,} images: memory of the API, at most", "MB", peak(running), before, "before", 1.3)
            yield replace(after, more_is_better=False)
    for what, cost in costs.items():
        yield from growth(what, "images", cost)


def measured(door: Api, pages: "Counting", first: Manifest, count: int) -> Iterator[tuple[str, Result]]:
    dataset, other = (
        committed(door, pages, each) for each in (first, pages.changed(first, range(0, count, count // 100)))
    )
    spent = [milliseconds(partial(door.post, f"/datasets/{dataset}/snapshot", tag=f"v{n}")) for n in range(TIMES)]
    yield "a snapshot", limited(f"{count:,} images: a snapshot", spent, 10)
    more = (range(count + n, count + n + 1) for n in range(TIMES))
    spent = [milliseconds(partial(pages.changed, first, each)) for each in more]
    yield "one more", replace(limited(f"{count:,} images: one more", spent, 100), notes={"pages": pages.last})
    both = {"dataset_a": dataset, "dataset_b": other}
    assert door.get("/datasets/compare", **both)["images_changed"] == 100
    spent = [milliseconds(partial(door.get, "/datasets/compare", **both)) for _ in range(TIMES)]
    yield "compared", limited(f"{count:,} images: compared with one that differs in 100", spent, 200)


class Counting:
    """Writes revisions as the platform does, and counts the pages."""

    def __init__(self, contents: DatasetContents, organization: UUID) -> None:
        self.contents = contents
        self.organization = organization
        self.last = 0

    def written(self, write: Callable[[revision.Keep], Manifest]) -> Manifest:
        pages = Pages(self.contents.pool, self.contents.blobs, self.organization)
        self.last = 0

        def keep(name: str, page: bytes) -> None:
            self.last += 1
            pages.keep(name, page)

        made = write(keep)
        pages.write()
        return made

    def changed(self, first: Manifest, numbers: range) -> Manifest:
        """These images have other bytes than before, or are new."""
        new = {each.path: each for each in entries(numbers, "changed")}
        load = self.contents.load(self.organization)
        return self.written(lambda keep: revision.update(first.sha256, load, new, keep))


def entries(numbers: range, salt: str = "") -> Iterator[Entry]:
    for number in numbers:
        box = ("0.500000", "0.500000", f"0.{number % 1_000_000:06}" if number % 1_000_000 else "0.500000", "0.250000")
        name = sha256(f"{salt}{number}".encode()).hexdigest()
        annotations = (Annotation(class_=number % 2, box=box),)
        yield Entry(
            path=f"images/{number:08}.jpg", sha256=name, size=50_000, width=640, height=480, annotations=annotations
        )


def committed(door: Api, pages: Counting, made: Manifest) -> str:
    """A dataset of these images, through the door; only what files would have come to is put in by hand."""
    dataset = door.post("/datasets", name=f"large {made.sha256}")["id"]
    upload = door.post(f"/datasets/{dataset}/uploads")["id"]
    counts = made.root.counts
    content = Content(
        root=made.sha256, images=counts.images, labelled_images=counts.labelled, annotations=counts.annotations,
        bytes=counts.bytes, task=Task.DETECTION, layout=Layout.YOLO, classes=CLASSES,
    )  # fmt: skip
    report = Report(
        layout=Layout.YOLO, task=Task.DETECTION, images_in=counts.images, images_out=counts.images,
        boxes_in=counts.annotations, boxes_out=counts.annotations, unlabelled=0, dropped=(), classes=(), split=None,
        duplicates=(), ignored=0, warnings=(),
    )  # fmt: skip
    kept = pages.contents.blobs.write(pages.organization, report.canonical())
    prepared = Prepared(content=content, report=kept, base=None, split=None)
    pages.contents.uploads.keep(UUID(upload), 0, prepared, b"nothing was named")
    door.post(f"/datasets/{dataset}/uploads/{upload}/commit")
    return str(dataset)


@contextmanager
def opened(running: Serving) -> Iterator[DatasetContents]:
    with Core.open(running.settings) as core:
        blobs = Blobs(core.pool, Objects.open(running.settings))
        arrivals = Arrivals(blobs)
        yield DatasetContents(core.pool, blobs, Uploads(core.pool), arrivals)
        arrivals.close()


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1_000


def limited(work: str, spent: list[float], most: float) -> Result:
    return Result(work, "ms", statistics.median(spent), goal=most, more_is_better=False)
