"""What the events of a job become in a real MLflow: one run, each figure once, whatever is repeated or lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from uuid_utils.compat import uuid7

from consumers.acting import Platform
from consumers.mlflow import MlflowBooks, RunWriter, millis
from domain.content import Snapshot, Task
from domain.experiment import Experiment
from domain.model import Aggregate, Envelope, Event, Recorded
from domain.training import Checkpoint, Device, EndReason, Evidence, Model, Outcome, Recipe, Start, Weights
from domain.training_job import TrainingJob
from infra.dispatch import bind
from infra.known import Known
from infra.ledger import Append
from infra.mapper import Mapper
from infra.mlflow import Metric, Mlflow, MlflowIsAway
from tests.consumers.test_reactions import envelope
from tests.doubles import SPLIT, MemoryKeys
from tests.ground import ANN, NOW, ORGANIZATION, Ground, ground
from tests.runs import Point, Runs
from tests.servers import Databases

WORKER, DATASET, PROJECT = UUID(int=41), UUID(int=4), UUID(int=2)
MADE = Model(id=UUID(int=51), sha256="d" * 64, size=9)
ENDED = Outcome(2, {"test/accuracy": 0.75}, MADE, "e" * 64, None)
START = Start(Device.CPU, {"torch": "2.15"}, {"epochs": 3}, None)


Loses = Callable[[httpx.Request], bool]


@dataclass
class Losing(httpx.AsyncHTTPTransport):
    """The real way to MLflow, on which some answers are lost after MLflow has done what it was asked."""

    loses: Loses

    def __post_init__(self) -> None:
        super().__init__()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if self.loses(request):
            await answer.aclose()
            raise httpx.ReadError("the answer is lost")
        return answer


@dataclass
class Scene:
    """A ledger with an experiment and a job, and a writer that may be started again at any moment."""

    ground: Ground
    mlflow_url: str
    experiment: UUID = field(default_factory=uuid4)
    job_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.mapper = Mapper(self.ground.id, MemoryKeys())
        ports = dict.fromkeys(("contents", "places", "subscribers", "trainers", "usage", "trainings"))
        dispatch = bind(self.ground.ledger, self.mapper, Known(), lambda unit: None, ports)
        self.platform = Platform(self.ground.ledger, self.mapper, dispatch)
        self.happened(Experiment.create(self.experiment, ORGANIZATION, ANN, PROJECT, "digits", "", (), NOW))

    def requested(self) -> TrainingJob:
        recipe = Recipe(
            framework="timm", task=Task.CLASSIFICATION, model="tiny", parameters={"epochs": 3, "rate": 0.5},
            weights=Weights(), device=Device.AUTO, gpus=0, code_version="1",
        )  # fmt: skip
        snapshot = Snapshot(id=UUID(int=3), tag="t", root="a" * 64, images=3, split=SPLIT)
        return TrainingJob.request(
            self.job_id, ORGANIZATION, ANN, PROJECT, self.experiment, DATASET, snapshot, recipe, NOW
        )

    def happened(self, aggregate: Aggregate) -> None:
        events = [event for event in aggregate.collect_events() if isinstance(event, Event)]
        stored = [self.mapper.encode(event, self._envelope(event)) for event in events]
        append = Append(uuid7(), b"", {"id": str(aggregate.id)}, stored)
        assert self.ground.ledger.append([append])[0].verdict == "accepted"

    def found(self, id: UUID) -> TrainingJob:
        return asyncio.run(self.platform.get(TrainingJob, id))

    def _envelope(self, event: Event) -> Envelope:
        return envelope(event).model_copy(update={"ledger": self.ground.id, "decided_at": event.timestamp})

    def history(self) -> list[Recorded]:
        rows = self.ground.ledger.read(0, 1_000)
        return [self.mapper.recorded(row.stored, row.position, row.recorded_at) for row in rows]

    @asynccontextmanager
    async def writer(self, loses: Loses = lambda request: False) -> AsyncIterator[RunWriter]:
        """One that has just been started."""
        async with httpx.AsyncClient(transport=Losing(loses), timeout=30.0) as client:
            yield RunWriter(MlflowBooks(self.platform, Mlflow(self.mlflow_url, client)))

    def write(self, times: int = 1) -> None:
        """Everything that happened, by a new writer, each event `times` times."""

        async def story() -> None:
            async with self.writer() as writer:
                for recorded in self.history():
                    for _ in range(times):
                        await writer.write(recorded)

        asyncio.run(story())

    def run(self) -> Any:
        """The only one there is of the job."""
        runs = Runs(self.mlflow_url)
        (found,) = runs.of(str(self.job_id))
        runs.close()
        return found

    def points(self, *keys: str) -> list[Point]:
        runs = Runs(self.mlflow_url)
        found = runs.points(self.run()["info"]["run_id"], keys)
        runs.close()
        return found

    def epochs(self) -> list[Point]:
        """What MLflow must have of the epochs, neither more nor less."""
        return sorted(
            Point(key, recorded.event.epoch, millis(recorded.recorded_at), float(value))
            for recorded in self.history()
            if isinstance(recorded.event, TrainingJob.EpochCompleted)
            for key, value in recorded.event.metrics.items()
        )


def said(run: Any, what: str) -> dict[str, str]:
    return {each["key"]: each["value"] for each in run["data"][what]}


def begun(scene: Scene) -> TrainingJob:
    job = scene.requested()
    job.claim(1, WORKER, "gpu-1", NOW)
    job.start(1, START, NOW)
    return job


def trained(scene: Scene) -> None:
    """Two epochs, a worker that is lost, and a third epoch by the next, which goes on from the checkpoint."""
    job = begun(scene)
    kept = Checkpoint(epoch=2, sha256="c" * 64, size=10)
    for epoch in (1, 2):
        job.complete_epoch(1, epoch, 3, {"loss": 1.0 / epoch, "val/accuracy": 0.25 * epoch}, 1.0, NOW)
    job.save_checkpoint(1, kept, NOW)
    gone = Evidence(reason=EndReason.WORKER_LOST, message="silent", exit_code=None, last_lines=())
    job.lose(1, gone, NOW + timedelta(seconds=1))
    job.claim(2, WORKER, "gpu-2", NOW)
    job.start(2, START._replace(device=Device.CUDA, resumed_from=kept), NOW)
    job.complete_epoch(2, 3, 3, {"loss": 0.3, "val/accuracy": 0.7}, 1.0, NOW)
    job.complete(2, ENDED, NOW)
    scene.happened(job)


@pytest.fixture
def scene(fresh_database: Callable[[], Databases], mlflow_url: str) -> Iterator[Scene]:
    with ground(fresh_database()) as ready:
        yield Scene(ready, mlflow_url)


def test_a_job_is_one_run_with_all_its_figures(scene: Scene) -> None:
    trained(scene)
    scene.write()
    run = scene.run()
    assert run["info"]["status"] == "FINISHED"
    assert said(run, "params") == {
        "framework": "timm", "model": "tiny", "task": "classification", "epochs": "3", "rate": "0.5"
    }  # fmt: skip
    assert said(run, "tags").items() >= {
        ("vistory.attempt", "2"),
        ("vistory.device", "cuda"),
        ("vistory.environment.torch", "2.15"),
        ("vistory.model_sha256", MADE.sha256),
    }
    assert scene.points("loss", "val/accuracy") == scene.epochs()
    assert [(point.step, point.value) for point in scene.points("test/accuracy")] == [(2, 0.75)]


def test_events_that_come_again_change_nothing(scene: Scene) -> None:
    trained(scene)
    scene.write(times=2)
    scene.write()
    assert scene.run()["info"]["status"] == "FINISHED"
    assert scene.points("loss", "val/accuracy") == scene.epochs()
    assert len(scene.points("test/accuracy")) == 1


def test_of_figures_at_one_step_the_first_stays_in_whatever_order_they_come(scene: Scene) -> None:
    """Step 2 was set aside and comes when 3 is there; 3 and 4 come once more, late, and of another attempt."""
    scene.happened(begun(scene))

    async def story() -> None:
        async with scene.writer() as writer:
            for at, steps in enumerate([(1,), (3,), (2,), (3, 4), (4,), ()]):
                await writer.books.draw(scene.job_id, [Metric("batch/loss", at / 10, at, step) for step in steps])

    asyncio.run(story())
    assert [(point.step, point.value) for point in scene.points("batch/loss")] == [
        (1, 0.0),
        (2, 0.2),
        (3, 0.1),
        (4, 0.3),
    ]


def test_an_answer_that_is_lost_doubles_neither_run_nor_figure(scene: Scene) -> None:
    """Of each request the first answer is lost, and with it the writer, which is started again."""
    trained(scene)
    lost: set[tuple[str, bytes]] = set()

    def is_asked_first(request: httpx.Request) -> bool:
        asked = (request.url.path, request.content)
        is_first = "search" not in request.url.path and asked not in lost
        if is_first:
            lost.add(asked)
        return is_first

    async def once(recorded: Recorded) -> None:
        async with scene.writer(is_asked_first) as writer:
            await writer.write(recorded)

    async def story() -> int:
        failures = 0
        for recorded in scene.history():
            for _ in range(20):
                try:
                    await once(recorded)
                    break
                except MlflowIsAway:
                    failures += 1
        return failures

    assert asyncio.run(story()) == len(lost) > 10
    assert scene.run()["info"]["status"] == "FINISHED"
    assert scene.points("loss", "val/accuracy") == scene.epochs()


def test_while_mlflow_is_away_the_writer_says_so_and_what_waits_is_written_afterwards(scene: Scene) -> None:
    trained(scene)
    there, scene.mlflow_url = scene.mlflow_url, "http://127.0.0.1:1"
    with pytest.raises(MlflowIsAway):
        scene.write()
    scene.mlflow_url = there
    scene.write()
    assert scene.points("loss", "val/accuracy") == scene.epochs()


def test_a_failure_is_told_with_its_reason(scene: Scene) -> None:
    job = begun(scene)
    broken = Evidence(reason=EndReason.OUT_OF_MEMORY, message="8 GiB are not enough", exit_code=137, last_lines=("x",))
    job.fail(1, broken, NOW)
    scene.happened(job)
    scene.write()
    run = scene.run()
    assert run["info"]["status"] == "FAILED"
    told = said(run, "tags")
    assert (told["vistory.reason"], told["vistory.why"]) == ("out_of_memory", "8 GiB are not enough")


def test_a_job_that_is_cancelled_was_killed(scene: Scene) -> None:
    job = scene.requested()
    job.cancel(NOW)
    scene.happened(job)
    scene.write()
    assert scene.run()["info"]["status"] == "KILLED"


def test_a_diverged_loss_is_kept_as_what_it_is(scene: Scene) -> None:
    job = begun(scene)
    job.complete_epoch(1, 1, 3, {"loss": "NaN", "val/accuracy": 0.1}, 1.0, NOW)
    scene.happened(job)
    scene.write()
    (loss,) = scene.points("loss")
    assert loss.value != loss.value
    assert [point.value for point in scene.points("val/accuracy")] == [0.1]
