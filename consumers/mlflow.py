"""Keeps MLflow in step: an experiment per experiment, a run per job, figures of epochs and batches, and the end."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

from commands.experiment import LinkMlflowExperiment
from commands.training_job import LinkMlflowRun
from consumers.acting import Platform
from domain.experiment import Experiment
from domain.model import Recorded
from domain.training import OVER
from domain.training_job import TrainingJob
from infra.mlflow import Metric, Mlflow
from infra.redaction import in_short
from infra.telemetry import NotTelemetry

WRITER: Final = "mlflow-writer"
BATCHES: Final = "mlflow-batches"
CREATE: Final = "create-mlflow-experiment-on-experiment-created"
CREATE_FILTERS: Final = ("vistory.events.*.experiment.*.created",)
MOST_KNOWN: Final = 1_000


@dataclass
class MlflowBooks:
    """What MLflow calls our experiments and jobs; looked up, and made where it is missing, by one at a time."""

    platform: Platform
    mlflow: Mlflow
    _runs: dict[UUID, str] = field(default_factory=dict)
    _locks: WeakValueDictionary[UUID, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def experiment(self, experiment_id: UUID) -> str:
        async with self._alone(experiment_id):
            return await self._found_or_made_experiment(experiment_id)

    async def _found_or_made_experiment(self, experiment_id: UUID) -> str:
        known = await self.platform.get(Experiment, experiment_id)
        if known.mlflow_experiment_id is not None:
            return known.mlflow_experiment_id
        tags = {"vistory.experiment_id": str(experiment_id), "vistory.organization_id": str(known.organization_id)}
        found = await self.mlflow.experiment(f"{known.name} ({experiment_id})", tags)
        link = LinkMlflowExperiment(experiment_id=experiment_id, mlflow_experiment_id=found)
        await self.platform.act(link, experiment_id, f"mlflow-{found}")
        return found

    async def run(self, job_id: UUID) -> str:
        async with self._alone(job_id):
            if (run := self._runs.get(job_id)) is None:
                run = await self._found_or_made_run(job_id)
                if len(self._runs) >= MOST_KNOWN:
                    self._runs.clear()
                self._runs[job_id] = run
        return run

    async def draw(self, job_id: UUID, curve: Sequence[Metric]) -> None:
        """In whatever order they come, of figures at one step the first stays: MLflow would keep each of them."""
        run = await self.run(job_id)
        async with self._alone(job_id):
            await self.mlflow.log(run, await self.mlflow.missing(run, curve))

    def _alone(self, id: UUID) -> asyncio.Lock:
        """Held while one looks and makes; forgotten when nobody holds or awaits it."""
        return self._locks.setdefault(id, asyncio.Lock())

    async def _found_or_made_run(self, job_id: UUID) -> str:
        job = await self.platform.get(TrainingJob, job_id)
        if job.mlflow_run_id is not None:
            return job.mlflow_run_id
        experiment = await self.experiment(job.experiment_id)
        name = f"{job.recipe.model} {str(job_id)[-6:]}"
        run = await self.mlflow.run(experiment, job_id, name, described(job), millis(job.created_on))
        await self.platform.act(LinkMlflowRun(job_id=job_id, mlflow_run_id=run), job_id, f"mlflow-{run}")
        return run


def described(job: TrainingJob) -> dict[str, str]:
    tags = {
        "organization_id": job.organization_id,
        "project_id": job.project_id,
        "dataset_id": job.dataset_id,
        "snapshot": job.snapshot.root,
        "code_version": job.recipe.code_version,
    }
    return {f"vistory.{name}": str(value) for name, value in tags.items()}


@dataclass(frozen=True)
class ExperimentReaction:
    books: MlflowBooks

    async def create_mlflow_experiment_on_experiment_created(self, recorded: Recorded) -> None:
        if isinstance(recorded.event, Experiment.Created):
            await self.books.experiment(recorded.event.originator_id)


@dataclass(frozen=True)
class RunWriter:
    """What the events of a job mean for its run. The same event once more changes nothing."""

    books: MlflowBooks

    async def write(self, recorded: Recorded) -> None:
        at, mlflow = millis(recorded.recorded_at), self.books.mlflow
        match recorded.event:
            case TrainingJob.Requested(originator_id=job, recipe=recipe):
                run = await self.books.run(job)
                named = {"framework": recipe.framework, "model": recipe.model, "task": str(recipe.task)}
                await mlflow.log(run, params=named | recipe.parameters)
            case TrainingJob.Started(originator_id=job) as started:
                await self._begin(await self.books.run(job), started)
            case TrainingJob.EpochCompleted(originator_id=job, epoch=epoch, metrics=metrics):
                await self.books.draw(job, figures(metrics, at, epoch))
            case TrainingJob.Completed(originator_id=job) as completed:
                await self._complete(await self.books.run(job), completed, at)
            case TrainingJob.Failed(originator_id=job, evidence=evidence):
                run = await self.books.run(job)
                await mlflow.log(run, tags={"vistory.reason": str(evidence.reason), "vistory.why": evidence.message})
                await mlflow.status(run, "FAILED", at)
            case TrainingJob.Cancelled(originator_id=job):
                await mlflow.status(await self.books.run(job), "KILLED", at)

    async def _begin(self, run: str, started: TrainingJob.Started) -> None:
        environment = {f"vistory.environment.{name}": value for name, value in started.environment.items()}
        tags = environment | {"vistory.attempt": str(started.attempt), "vistory.device": started.device}
        await self.books.mlflow.log(run, tags=tags)
        # One that was set aside may be written when the job is over, and its end with it.
        if (await self.books.platform.get(TrainingJob, started.originator_id)).status not in OVER:
            await self.books.mlflow.status(run, "RUNNING")

    async def _complete(self, run: str, completed: TrainingJob.Completed, at: int) -> None:
        tags = {"vistory.model_id": str(completed.model.id), "vistory.model_sha256": completed.model.sha256}
        await self.books.mlflow.log(run, figures(completed.metrics, at, completed.best_epoch), tags=tags)
        await self.books.mlflow.status(run, "FINISHED", at)


def figures(metrics: Mapping[str, float | str], at: int, step: int, prefix: str = "") -> list[Metric]:
    return [Metric(prefix + name, value, at, step) for name, value in metrics.items()]


def batch_figures(points: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """Of points as a worker ships them. Raises NotTelemetry."""
    try:
        return [figure for point in points if point["kind"] == "batch" for figure in _of_batch(point)]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise NotTelemetry(f"a batch without its figures: {in_short(error)}") from error


def _of_batch(point: Mapping[str, Any]) -> list[Metric]:
    """The step counts batches over all epochs."""
    step = (point["epoch"] - 1) * point["batches"] + point["batch"]
    return figures(point["metrics"], millis(datetime.fromisoformat(point["at"])), step, "batch/")


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
