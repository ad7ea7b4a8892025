"""Each part that a training needs is killed once while it runs: the job ends well, nothing is lost or doubled."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Final

import pytest

from cli.client import Api
from cli.digits import write_digits
from cli.live import messages
from cli.platform import Platform, running
from infra.config import Settings
from infra.embedded import Change, State
from tests.faults.house import TRAINING, training_of
from tests.faults.renaming import Renamer
from tests.runs import Runs, points_of
from tests.servers import data_folder
from tests.whole import assert_history_holds, begun, ended, epochs, goes_on, head, history, waited

pytestmark = [pytest.mark.slow, pytest.mark.connected]
# Enough to be killed ten times before the end: each epoch takes a good half of a second.
EPOCHS: Final = 45
RECIPE: Final = {"epochs": EPOCHS, "image_size": 64}
# MLflow first: it takes longest to come back, and nothing may wait for it.
KILLED: Final = (
    "mlflow",
    "relay",
    "projector",
    "consumers",
    "api",
    TRAINING,
    "nats",
    "objects",
    "trainer-timm",
    "postgres",
)
COST_AN_ATTEMPT: Final = {TRAINING, "trainer-timm"}
# Which attempt goes on after each.
ATTEMPTS: Final = tuple(accumulate((part in COST_AN_ATTEMPT for part in KILLED), initial=1))[1:]


class House:
    """A platform, and how often each of its parts came back."""

    def __init__(self) -> None:
        self.back: Counter[str] = Counter()
        self.platform: Platform

    def hear(self, change: Change) -> None:
        if change.state is State.RESTARTED:
            self.back[change.name] += 1

    @property
    def settings(self) -> Settings:
        return self.platform.stack.settings_for("cli")

    def kill(self, part: str) -> None:
        os.kill(self.pid_of(part) or 0, signal.SIGKILL)

    def pid_of(self, part: str) -> int | None:
        pids = self.platform.stack.pids()
        return training_of(pids["trainer-timm"]) if part == TRAINING else pids[part]

    def await_back(self, part: str, before: int) -> None:
        """MLflow may take its time."""
        if part == TRAINING:
            waited(lambda: self.pid_of(part) not in (None, before), 60, f"another process of {part}")
        elif part != "mlflow":
            waited(lambda: self.back[part] == 1, 60, f"{part} is back")


@pytest.fixture
def house() -> Iterator[House]:
    found = House()
    with data_folder() as folder, running(folder, found.hear) as found.platform:
        found.platform.stack.await_ready("mlflow")
        yield found


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    with house.platform.sign_in() as api:
        yield api


@pytest.mark.timeout(420)
def test_whatever_is_killed_the_job_ends_well_and_nothing_is_lost_or_doubled(
    house: House, api: Api, tmp_path: Path
) -> None:
    job = begun(api, write_digits(tmp_path / "digits", most=120), **RECIPE)
    project = api.post("/projects", name="Renamed")["id"]
    with Renamer(api, project) as renamer:
        waited(lambda: goes_on(house.settings, job, 1), 60, "the first epoch")
        for part, attempt in zip(KILLED, ATTEMPTS, strict=True):
            kill_and_see_it_go_on(house, job, part, attempt)
        end = waited(lambda: ended(house.settings, job), 120, "the end of the job")
    assert end.topic == "training_job.completed", end.data
    waited(lambda: house.back["mlflow"] == 1, 60, "MLflow is back")
    assert_ended_once(house.settings, job)
    assert_commands_are_there_once(house.settings, project, renamer)
    assert_mlflow_has_what_happened(house, job)
    assert_told_once(house, api, job)
    assert_history_holds(house.settings, [told.receipt for told in renamer.told])
    assert {part: count for part, count in house.back.items() if count != 1} == {}


def kill_and_see_it_go_on(house: House, job: str, part: str, attempt: int) -> None:
    """The next one only dies after the job has gone on without this one, and this one is back."""
    before = waited(lambda: house.pid_of(part), 60, f"a process of {part}")
    position = head(house.settings)
    house.kill(part)
    house.await_back(part, before)
    waited(lambda: goes_on(house.settings, job, attempt, position), 90, f"an epoch after {part} was killed")


def assert_ended_once(settings: Settings, job: str) -> None:
    """And only what ended a training cost an attempt; the next went on from a checkpoint."""
    events = history(settings, job)
    counts = Counter(event.topic for event in events)
    assert counts["training_job.completed"] == 1
    assert counts["training_job.failed"] == counts["training_job.cancelled"] == 0
    assert counts["training_job.requeued"] == len(COST_AN_ATTEMPT)
    starts = [event.data for event in events if event.topic == "training_job.started"]
    assert [start["attempt"] for start in starts] == [1, 2, 3]
    assert all(start["resumed_from"]["epoch"] > 0 for start in starts[1:])


def assert_commands_are_there_once(settings: Settings, project: str, renamer: Renamer) -> None:
    """Each with the position and the chain that the one who gave it was told."""
    assert renamer.refused == []
    assert renamer.repeated > 0
    renamed = [event for event in history(settings, project) if event.topic == "project.renamed"]
    kept = [(event.data["name"], event.position, event.chain) for event in renamed]
    assert kept == [(told.name, told.position, told.chain) for told in renamer.told]


def assert_mlflow_has_what_happened(house: House, job: str) -> None:
    recorded = epochs(house.settings, job)
    assert {epoch.data["epoch"] for epoch in recorded} == set(range(1, EPOCHS + 1))
    expected = points_of(recorded)
    with closing(Runs(house.platform.stack.parts.mlflow_url)) as runs:
        (run,) = waited(lambda: [r for r in runs.of(job) if r["info"]["status"] == "FINISHED"], 90, "the run's end")
        assert len(runs.of(job)) == 1
        assert runs.points(run["info"]["run_id"], sorted({point.key for point in expected})) == expected


def assert_told_once(house: House, api: Api, job: str) -> None:
    """What a worker had kept of an attempt when it was killed is archived too, and then gone from its disk."""
    attempts = house.platform.stack.folder / "trainer-timm" / "attempts"
    waited(lambda: not list(attempts.iterdir()), 60, "the archive of every attempt")
    told = [message for message in messages(api, job) if message["kind"] == "epoch"]
    by_attempt = [(int(message["cursor"].partition(".")[0]), message["epoch"]) for message in told]
    assert len(by_attempt) == len(set(by_attempt))
    assert {(epoch.data["attempt"], epoch.data["epoch"]) for epoch in epochs(house.settings, job)} <= set(by_attempt)
