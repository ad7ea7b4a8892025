import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from consumers.mlflow import MlflowBooks, RunWriter
from domain.training import Device, EndReason, Evidence, Start
from tests.consumers.test_reactions import JOB, NOW, BooksOfMlflow, Scene, a_job, an_experiment


class SlowBooks(BooksOfMlflow):
    """Makes a new run, and a new experiment, each time that it is asked while it is still at work."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    async def experiment(self, name: str, tags: Any) -> str:
        await asyncio.sleep(0)
        return await super().experiment(name, tags)

    async def run(self, experiment_id: str, job_id: UUID, name: str, tags: Any, start: int) -> str:
        await asyncio.sleep(0)
        self.made.append(f"run {len(self.made)}")
        return self.made[-1]


def test_whoever_asks_at_once_for_the_run_of_a_job_is_given_the_same() -> None:
    scene = Scene(mlflow=SlowBooks())
    scene.happened(an_experiment())
    scene.happened(a_job())
    books = MlflowBooks(scene.platform, scene.mlflow)

    async def story() -> list[str]:
        return list(await asyncio.gather(*(books.run(JOB) for _ in range(3))))

    assert asyncio.run(story()) == ["run 0"] * 3
    assert len(scene.mlflow.asked) == 1


class Ledger(BooksOfMlflow):
    """Of one run: which states it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []

    async def run(self, experiment_id: UUID | str, job_id: UUID, name: str, tags: Any, start: int) -> str:
        return "run"

    async def log(self, run_id: str, metrics: Any = (), params: Any = None, tags: Any = None) -> None: ...

    async def status(self, run_id: str, status: str, ended: int | None = None) -> None:
        self.states.append(status)


def written(happened: int, books: Ledger, order: Sequence[int]) -> None:
    """So much of a story, and its events written in this order, counted from the end."""
    scene = Scene(mlflow=books)
    scene.happened(an_experiment())
    job = a_job()
    job.claim(1, UUID(int=77), "a worker", NOW)
    job.start(1, Start(device=Device.CPU, environment={}, parameters={}, resumed_from=None), NOW)
    if happened > 1:
        job.fail(1, Evidence(reason=EndReason.DATA_ERROR, message="no", exit_code=3, last_lines=()), NOW)
    rows = scene.happened(job)
    writer = RunWriter(MlflowBooks(scene.platform, books))

    async def write() -> None:
        for number in order:
            await writer.write(scene.mapper.recorded(rows[number].stored, rows[number].position, NOW))

    asyncio.run(write())


def test_a_start_opens_the_run() -> None:
    books = Ledger()
    written(1, books, [-1])
    assert books.states == ["RUNNING"]


def test_a_start_that_was_set_aside_does_not_open_a_run_again_that_has_ended() -> None:
    books = Ledger()
    written(2, books, [-1, -2])
    assert books.states == ["FAILED"]
