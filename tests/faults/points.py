"""Whether any point of a training was lost: what its worker wrote on its disk, beside the ledger and the archive."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psycopg

from tests.faults.checking import SHOWN, Ledger, Message, Stored, content, is_point, place

LOOKED_EVERY: Final = 0.05
STARTED: Final = "training_job.started"
STEPPED: Final = "training_job.epoch_completed"
COMPLETED: Final = "training_job.completed"
Points = list[dict[str, Any]]


class Spools(Thread):
    """Keeps every spool by a second name: its worker removes the first once it takes the points for archived."""

    def __init__(self, attempts: Path, kept: Path) -> None:
        super().__init__(name="spools", daemon=True)
        self._attempts, self._kept = [attempts], kept
        self._over = Event()
        kept.mkdir(mode=0o700)

    def run(self) -> None:
        while not self._over.wait(LOOKED_EVERY):
            self.look()

    def look(self) -> None:
        """A folder may go meanwhile, and on a full disk a name waits for room."""
        for file in chain.from_iterable(each.glob("*/spool/points.jsonl") for each in list(self._attempts)):
            with suppress(OSError):
                os.link(file, self._kept / file.parent.parent.name)

    def watch(self, attempts: Path) -> None:
        """Those of another worker, too."""
        self._attempts.append(attempts)

    def of(self, job: str) -> dict[int, Points]:
        """The points of each attempt, as its worker wrote them."""
        files = {int(file.name.rpartition(".")[2]): file for file in self._kept.glob(f"{job}.*")}
        return {n: [*map(json.loads, file.read_bytes().splitlines())] for n, file in sorted(files.items())}

    def end(self) -> None:
        self._over.set()
        self.join(10)


def archived(url: str, job: str) -> dict[int, list[tuple[int, int]]]:
    """From which number to which the points of each attempt are kept."""
    query = "SELECT attempt, first, last FROM work.archive WHERE job_id = %s ORDER BY attempt, first"
    found: dict[int, list[tuple[int, int]]] = {}
    with psycopg.connect(url) as connection:
        for attempt, first, last in connection.execute(query, (job,)):
            found.setdefault(attempt, []).append((first, last))
    return found


def spool_faults(ledger: Ledger, job: str, spools: Mapping[int, Points], told: Sequence[Message]) -> Iterator[str]:
    """Each point that a worker wrote is told as it was written, under its own number."""
    for attempt in sorted({event.data["attempt"] for event in ledger.of(job) if event.topic == STARTED} - set(spools)):
        yield f"job {job}, attempt {attempt}: nothing is known of what its worker wrote"
    heard: dict[int, Points] = {}
    for message in filter(is_point, told):
        heard.setdefault(place(message).attempt, []).append({"n": place(message).n, **content(message)})
    for attempt in sorted({*spools, *heard}):
        mine, wanted = heard.get(attempt, []), spools.get(attempt, [])
        if mine != wanted:
            wrong = [point["n"] for point in wanted if point not in mine][:SHOWN]
            yield f"job {job}, attempt {attempt}: {len(mine)} of {len(wanted)} points are told; not as written: {wrong}"


def kept_faults(job: str, spools: Mapping[int, Points], kept: Mapping[int, Sequence[tuple[int, int]]]) -> Iterator[str]:
    """The archive itself has them: what is told may still come from the stream, which forgets."""
    for attempt, points in spools.items():
        reached = 0
        for first, last in kept.get(attempt, ()):
            reached = max(reached, last) if first <= reached + 1 else reached
        if reached != len(points):
            yield f"job {job}, attempt {attempt}: the archive has its points up to {reached}, of {len(points)}"


def epochs_missing(ledger: Ledger, job: str) -> Iterator[str]:
    """A training that ended well told of every epoch that was asked for."""
    events = ledger.of(job)
    if not any(event.topic == COMPLETED for event in events):
        return
    wanted = int(events[0].data["recipe"]["parameters"]["epochs"])
    if (trained := sorted(trained_by(events))) != [*range(1, wanted + 1)]:
        yield f"job {job}: it ended well after epochs {trained} of {wanted}"


def tail_faults(ledger: Ledger, job: str, told: Sequence[Message]) -> Iterator[str]:
    """Of each epoch the last batch, by the attempt that trained it last."""
    whole = {(m["epoch"], place(m).attempt) for m in told if m["kind"] == "batch" and m["batch"] == m["batches"]}
    if lacking := sorted(trained_by(ledger.of(job)).items() - whole):
        yield f"job {job}: the last batch of these epochs and attempts is missing: {lacking[:SHOWN]}"


def trained_by(events: Sequence[Stored]) -> dict[int, int]:
    """Which attempt was the last to train each epoch."""
    return {event.data["epoch"]: event.data["attempt"] for event in events if event.topic == STEPPED}
