"""A training job: what was asked for, each attempt at it, and the one end it comes to."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain.content import Snapshot
from domain.dataset import Dataset
from domain.model import Aggregate, Event, InitialEvent
from domain.training import (
    GIVEN_BACK,
    MAX_LOSSES,
    MOST_CHECKPOINTS,
    OVER,
    AttemptIsStale,
    Checkpoint,
    EndReason,
    Evidence,
    JobIsOver,
    JobIsTaken,
    Model,
    Outcome,
    Recipe,
    Start,
    Status,
)
from domain.values import Count, Finite, Line, Metrics, Parameters, Sha256, Slug


class TrainingJob(Aggregate):
    TOPIC: ClassVar[str] = "training_job"

    class Requested(InitialEvent):
        """`TrainingRequested`: attempt 1 may begin."""

        TOPIC: ClassVar[str] = "training_job.requested"
        organization_id: UUID
        owner_id: UUID
        project_id: UUID
        experiment_id: UUID
        dataset_id: UUID
        snapshot: Snapshot
        recipe: Recipe

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_id = self.owner_id
            aggregate.project_id = self.project_id
            aggregate.experiment_id = self.experiment_id
            aggregate.dataset_id = self.dataset_id
            aggregate.snapshot = self.snapshot
            aggregate.recipe = self.recipe

    class Claimed(Event):
        TOPIC: ClassVar[str] = "training_job.claimed"
        attempt: Count
        worker_id: UUID
        worker: Line

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.status = Status.CLAIMED
            aggregate.worker_id = self.worker_id

    class Started(Event):
        TOPIC: ClassVar[str] = "training_job.started"
        attempt: Count
        device: Line
        environment: Annotated[dict[Line, Line], Field(max_length=100)]
        parameters: Parameters
        resumed_from: Checkpoint | None

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.status = Status.RUNNING
            aggregate.epoch = self.resumed_from.epoch if self.resumed_from else 0

    class EpochCompleted(Event):
        TOPIC: ClassVar[str] = "training_job.epoch_completed"
        attempt: Count
        epoch: Count
        epochs: Count
        metrics: Metrics
        seconds: Annotated[Finite, Field(ge=0)]

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.epoch = self.epoch

    class CheckpointSaved(Event):
        TOPIC: ClassVar[str] = "training_job.checkpoint_saved"
        attempt: Count
        checkpoint: Checkpoint

        def apply(self, aggregate: "TrainingJob") -> None:
            before = (each for each in aggregate.checkpoints if each != self.checkpoint)
            aggregate.checkpoints = (self.checkpoint, *before)[:MOST_CHECKPOINTS]

    class MlflowLinked(Event):
        TOPIC: ClassVar[str] = "training_job.mlflow_linked"
        mlflow_run_id: Line

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.mlflow_run_id = self.mlflow_run_id

    class CancelRequested(Event):
        TOPIC: ClassVar[str] = "training_job.cancel_requested"
        attempt: Count

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.cancelling = True

    class Lost(Event):
        """An attempt is given up, the job is not; one that was given back is no loss."""

        TOPIC: ClassVar[str] = "training_job.lost"
        attempt: Count
        evidence: Evidence

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.losses += self.evidence.reason not in GIVEN_BACK

    class Requeued(Event):
        """The next attempt may begin; which checkpoint of those up to this one verified, `Started` says."""

        TOPIC: ClassVar[str] = "training_job.requeued"
        attempt: Count
        framework: Slug
        resume_from: Checkpoint | None

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.attempt = self.attempt
            aggregate.status = Status.QUEUED
            aggregate.worker_id = None
            aggregate.epoch = self.resume_from.epoch if self.resume_from else 0

    class Completed(Event):
        """The end of a good training: test figures once, from the epoch that validation chose."""

        TOPIC: ClassVar[str] = "training_job.completed"
        attempt: Count
        best_epoch: Count
        metrics: Metrics
        model: Model
        result: Sha256
        picture: Sha256 | None

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.status = Status.COMPLETED
            aggregate.model = self.model

    class Failed(Event):
        TOPIC: ClassVar[str] = "training_job.failed"
        attempt: Count
        evidence: Evidence

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.status = Status.FAILED

    class Cancelled(Event):
        TOPIC: ClassVar[str] = "training_job.cancelled"
        attempt: Count
        reason: EndReason
        evidence: Evidence | None

        def apply(self, aggregate: "TrainingJob") -> None:
            aggregate.status = Status.CANCELLED

    organization_id: UUID
    owner_id: UUID
    project_id: UUID
    experiment_id: UUID
    dataset_id: UUID
    snapshot: Snapshot
    recipe: Recipe
    status: Status = Status.QUEUED
    attempt: int = 1
    losses: int = 0
    worker_id: UUID | None = None
    epoch: int = 0
    checkpoints: tuple[Checkpoint, ...] = ()
    cancelling: bool = False
    model: Model | None = None
    mlflow_run_id: str | None = None

    @classmethod
    def request(
        cls,
        id: UUID,
        organization_id: UUID,
        owner_id: UUID,
        project_id: UUID,
        experiment_id: UUID,
        dataset_id: UUID,
        snapshot: Snapshot,
        recipe: Recipe,
        now: datetime,
    ) -> Self:
        snapshot.must_have_both_sides()
        return cls._create(
            cls.Requested,
            id=id,
            organization_id=organization_id,
            owner_id=owner_id,
            project_id=project_id,
            experiment_id=experiment_id,
            dataset_id=dataset_id,
            snapshot=snapshot,
            recipe=recipe,
            timestamp=now,
        )

    @property
    def shown_as(self) -> tuple[type[Aggregate], UUID]:
        return Dataset, self.dataset_id

    def claim(self, attempt: int, worker_id: UUID, worker: str, now: datetime) -> None:
        self.must_run(attempt)
        if self.worker_id == worker_id:
            return
        if self.status is not Status.QUEUED:
            raise JobIsTaken(f"attempt {attempt} of job {self.id} belongs to another worker")
        self.trigger_event(self.Claimed, attempt=attempt, worker_id=worker_id, worker=worker, timestamp=now)

    def start(self, attempt: int, start: Start, now: datetime) -> None:
        self.must_run(attempt)
        if self.status is Status.CLAIMED:
            self.trigger_event(self.Started, attempt=attempt, **start._asdict(), timestamp=now)

    def complete_epoch(
        self, attempt: int, epoch: int, epochs: int, metrics: Metrics, seconds: float, now: datetime
    ) -> None:
        """An epoch that was reported before is not recorded again."""
        self.must_run(attempt)
        if epoch > self.epoch:
            figures = {"epoch": epoch, "epochs": epochs, "metrics": metrics, "seconds": seconds}
            self.trigger_event(self.EpochCompleted, attempt=attempt, **figures, timestamp=now)

    def save_checkpoint(self, attempt: int, checkpoint: Checkpoint, now: datetime) -> None:
        self.must_run(attempt)
        if checkpoint not in self.checkpoints[:1]:
            self.trigger_event(self.CheckpointSaved, attempt=attempt, checkpoint=checkpoint, timestamp=now)

    def link_mlflow(self, mlflow_run_id: str, now: datetime) -> None:
        if self.mlflow_run_id != mlflow_run_id:
            self.trigger_event(self.MlflowLinked, mlflow_run_id=mlflow_run_id, timestamp=now)

    def cancel(self, now: datetime) -> None:
        """By somebody. A job that waits is over at once; one that runs is over when its worker says so."""
        if self.status in OVER:
            raise JobIsOver(f"job {self.id} is {self.status} already")
        if self.status is not Status.QUEUED and not self.cancelling:
            self.trigger_event(self.CancelRequested, attempt=self.attempt, timestamp=now)
        self.withdraw(EndReason.USER, now)

    def withdraw(self, reason: EndReason, now: datetime) -> None:
        """If it waits for a worker still; one that runs goes on."""
        if self.status is Status.QUEUED:
            self._cancel(None, reason, now)

    def stop(self, now: datetime, reason: EndReason) -> None:
        """Over at once, whatever its worker does: nobody works there any more."""
        if self.status not in OVER:
            self._cancel(None, reason, now)

    def lose(self, attempt: int, evidence: Evidence, now: datetime) -> None:
        """Give up an attempt; begin the next one unless the job was to be cancelled or has had its share."""
        self.must_run(attempt)
        self.trigger_event(self.Lost, attempt=attempt, evidence=evidence, timestamp=now)
        if self.cancelling or self.losses >= MAX_LOSSES:
            self._end(attempt, evidence, now)
        else:
            again, framework, newest = self.attempt + 1, self.recipe.framework, next(iter(self.checkpoints), None)
            self.trigger_event(self.Requeued, attempt=again, framework=framework, resume_from=newest, timestamp=now)

    def complete(self, attempt: int, outcome: Outcome, now: datetime) -> None:
        self.must_run(attempt)
        self.trigger_event(self.Completed, attempt=attempt, **outcome._asdict(), timestamp=now)

    def fail(self, attempt: int, evidence: Evidence, now: datetime) -> None:
        self.must_run(attempt)
        self._end(attempt, evidence, now)

    def _end(self, attempt: int, evidence: Evidence, now: datetime) -> None:
        """Where a cancel was asked for, that is the true reason."""
        if self.cancelling:
            self._cancel(evidence, EndReason.USER, now)
        else:
            self.trigger_event(self.Failed, attempt=attempt, evidence=evidence, timestamp=now)

    def _cancel(self, evidence: Evidence | None, reason: EndReason, now: datetime) -> None:
        self.trigger_event(self.Cancelled, attempt=self.attempt, reason=reason, evidence=evidence, timestamp=now)

    def must_run(self, attempt: int) -> None:
        """Raises AttemptIsStale, JobIsOver."""
        if attempt != self.attempt:
            raise AttemptIsStale(f"job {self.id} is at attempt {self.attempt}; attempt {attempt} is over")
        if self.status in OVER:
            raise JobIsOver(f"job {self.id} is {self.status} already")
