"""`make soak MINUTES=30`: both cores busy with trainings and requests; memory and files of every process are watched.

At its end it says how long it ran, what grew, what failed, and how often a worker was given up although nothing was
broken. It fails where anything grew or failed, a worker was given up or a process died.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psutil
import psycopg

from bench.answers import Answers
from bench.growth import Sample, Series, table, verdicts
from cli.client import Api, Problem
from cli.digits import write_digits, write_scenes
from cli.live import messages
from cli.platform import Platform, running
from cli.push import folder_of, push
from infra.config import Settings
from infra.embedded import Change, State
from tests.servers import data_folder
from tests.whole import assert_history_holds, head, waited

SAMPLED_EVERY: Final = 5.0
WRITES_EVERY, READS_EVERY = 0.1, 0.05
RECIPES: Final = (("timm", "test_resnet", {"epochs": 10}), ("ultralytics", "tiny-detector", {"epochs": 2}))
SCENES: Final = {"train": 60, "val": 20, "test": 20}
MIB: Final = 2**20
Work = Callable[[Api], None]
LOST: Final = "SELECT count(*) FROM ledger.events WHERE topic = 'training_job.lost'"
READ: Final = ("/training-jobs", "/datasets", "/experiments", "/models", "/audit/organization")


class Soak:
    def __init__(self, platform: Platform, images: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.answers = Answers()
        self.series: dict[str, Series] = {}
        self._silences: dict[str, float] = defaultdict(float)
        self._platform = platform
        self._images = images
        self._over = Event()

    def run(self, minutes: float) -> float:
        """How many seconds it ran."""
        begun = time.monotonic()
        with self._platform.sign_in() as api:
            project = api.post("/projects", name="Soak")["id"]
            datasets = {name: self._pushed(api, name) for name in ("timm", "ultralytics")}
            works: list[tuple[str, Work]] = [("commands", partial(self._write, project))]
            works += [("queries", self._read)] * 2
            works += [
                (f"trainings with {recipe[0]}", partial(self._train, project, datasets[recipe[0]], *recipe))
                for recipe in RECIPES
            ]
            with self._working(works), suppress(KeyboardInterrupt):
                while time.monotonic() - begun < minutes * 60:
                    self._sample(time.monotonic() - begun)
                    time.sleep(SAMPLED_EVERY)
        return time.monotonic() - begun

    @property
    def silences(self) -> str:
        """The longest time that a follower heard nothing, by what it had heard last."""
        return ", ".join(f"{status} {seconds:.1f} s" for status, seconds in self._silences.items())

    def _pushed(self, api: Api, framework: str) -> str:
        folder = self._images / framework
        if framework == "timm":
            write_digits(folder, most=200)
        else:
            write_scenes(folder, SCENES)
        dataset: str = api.post("/datasets", name=f"for {framework}")["id"]
        push(api, dataset, folder_of(folder))
        return dataset

    @contextmanager
    def _working(self, works: Sequence[tuple[str, Work]]) -> Iterator[None]:
        threads = [Thread(target=self._again_and_again, args=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(120)
            self.answers.never_ended(sum(thread.is_alive() for thread in threads))

    def _again_and_again(self, name: str, work: Work) -> None:
        try:
            with self._platform.sign_in() as api:
                self.answers.watch(api)
                while not self._over.is_set():
                    self._once(name, work, api)
        except Exception as error:
            self.answers.fail(f"sign-in for {name}", error)

    def _once(self, name: str, work: Work, api: Api) -> None:
        try:
            work(api)
        except Exception as error:
            self.answers.fail(name, error)
            self._over.wait(1.0)

    def _write(self, project: str, api: Api) -> None:
        api.patch(f"/projects/{project}", name=f"Soak {self.counts['commands']}")
        self.counts["commands"] += 1
        self._over.wait(WRITES_EVERY)

    def _read(self, api: Api) -> None:
        api.get(READ[self.counts["queries"] % len(READ)])
        self.counts["queries"] += 1
        self._over.wait(READS_EVERY)

    def _train(self, project: str, dataset: str, framework: str, model: str, parameters: object, api: Api) -> None:
        recipe = {"framework": framework, "model": model, "parameters": parameters}
        job = api.post("/training-jobs", project_id=project, dataset_id=dataset, **recipe)["id"]
        cancelled, heard, status = False, time.monotonic(), "requested"
        for message in messages(api, job):
            self._silences[status] = max(self._silences[status], (now := time.monotonic()) - heard)
            heard, status = now, message.get("status") or message.get("state") or status
            if self._over.is_set() and not cancelled:
                with suppress(Problem):  # it may have ended just now; any other refusal is counted
                    api.post(f"/training-jobs/{job}/cancel")
                cancelled = True
            if message["kind"] == "end":
                self.counts[f"trainings {message['status']}"] += 1
                self.answers.end(message["status"])

    def _sample(self, at: float) -> None:
        for name, pid in self._platform.stack.pids().items():
            with suppress(psutil.Error):
                self.series.setdefault(name, Series(name)).add(pid, sample(at, name, psutil.Process(pid)))


def sample(at: float, name: str, head: psutil.Process) -> Sample:
    """PostgreSQL with all its sessions, less the buffers they share; of others, what they start comes and goes."""
    if name != "postgres":
        return Sample(at, head.memory_info().rss / MIB, head.num_fds())
    private, files = 0, 0
    for each in (head, *head.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a session that ends meanwhile
            memory, opened = each.memory_info(), each.num_fds()
            private, files = private + memory.rss - memory.shared, files + opened
    return Sample(at, private / MIB, files)


def lost(settings: Settings) -> int:
    with psycopg.connect(settings.need("database_url")) as connection:
        row = connection.execute(LOST).fetchone()
    assert row
    return int(row[0])


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="soak", description="Memory, files and false alarms under a steady load.")
    parser.add_argument("minutes", type=float)
    minutes = parser.parse_args(words).minutes
    died: list[str] = []

    def hear(change: Change) -> None:
        if change.state is State.DIED:
            died.append(f"{change.name} {change.detail}")

    with data_folder() as folder, running(folder / "data", hear) as platform:
        soak = Soak(platform, folder / "images")
        seconds = soak.run(minutes)
        settings = platform.stack.settings_for("cli")
        is_good = told(soak, seconds, lost(settings), died)
        waited(lambda: at_rest(settings), 120, "what was cancelled has ended")
        assert_history_holds(settings)
    print("the chain holds; stream and read models are what the ledger says")
    return 0 if is_good else 1


def at_rest(settings: Settings) -> bool:
    """Nothing came for some seconds."""
    before = head(settings)
    time.sleep(5.0)
    return head(settings) == before


def told(soak: Soak, seconds: float, alarms: int, died: Sequence[str]) -> bool:
    grew = verdicts(soak.series.values())
    print(table(soak.series.values()))
    print(", ".join(f"{what} {count:,}" for what, count in sorted(soak.counts.items())))
    print(f"longest silence of a training: {soak.silences}")
    print(f"false alarms of the reaper: {alarms}; processes that died: {', '.join(died) or 'none'}")
    print(f"it ran {seconds / 60:.1f} minutes: {'growing: ' + ', '.join(grew) if grew else 'flat'}")
    answers = soak.answers
    failures = [f"{kind} ({count:,})" for kind, count in sorted(answers.failures.items())]
    print(f"failures: {', '.join(failures) or 'none'}; asked to wait (429 or 503 with Retry-After): {answers.waits:,}")
    return not (grew or alarms or died or failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
