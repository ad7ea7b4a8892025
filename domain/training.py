"""What trainings are made of: recipe, checkpoint, model, and how an attempt may end."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import Field, Strict, model_validator

from domain.content import Task
from domain.errors import Refused
from domain.values import Count, Line, LogLine, Metrics, Parameters, Sha256, Slug, Text, Value

MAX_LOSSES: Final = 5
MOST_CHECKPOINTS: Final = 20


class EndReason(StrEnum):
    """Why an attempt or a job ended other than well."""

    USER = "user"
    POLICY = "policy"
    TARGET_PURGED = "target_purged"
    ORGANIZATION_CLOSED = "organization_closed"
    WORKER_LOST = "worker_lost"
    HANDED_OVER = "handed_over"
    PREEMPTED = "preempted"
    OUT_OF_MEMORY = "out_of_memory"
    CODE_ERROR = "code_error"
    DATA_ERROR = "data_error"
    INFRASTRUCTURE = "infrastructure"


GIVEN_BACK: Final = frozenset({EndReason.HANDED_OVER, EndReason.PREEMPTED})


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"

    def takes_gpu(self, there: bool) -> bool:
        """Whether a training would run on one, there being some or not."""
        return self is Device.CUDA or (self is Device.AUTO and there)


RanOn = Literal[Device.CPU, Device.CUDA]
"""Where a training ran: what was asked for as `auto` is one of them by then."""


class Status(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class Weights(Value):
    """Where the training starts: from nothing, from an object, or from an earlier model."""

    model_id: UUID | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if self.model_id is not None and self.sha256 is None:
            raise ValueError("an earlier model is named with the hash of its weights")
        return self


class Recipe(Value):
    """What is to be trained, in full: with it and the snapshot a training can be repeated."""

    framework: Slug
    task: Task
    model: Slug
    parameters: Parameters
    weights: Weights
    device: Device
    gpus: Annotated[int, Strict(), Field(ge=0, le=64)]
    code_version: Line


class Checkpoint(Value):
    epoch: Count
    sha256: Sha256
    size: Count


class Model(Value):
    """A trained model: its file by hash."""

    id: UUID
    sha256: Sha256
    size: Count


class Evidence(Value):
    """What is known of an end that was not a success."""

    reason: EndReason
    message: Text
    exit_code: Annotated[int, Strict(), Field(ge=-(2**31), lt=2**31)] | None
    last_lines: Annotated[tuple[LogLine, ...], Field(max_length=50)]


class Start(NamedTuple):
    """How an attempt began, as its worker reports it."""

    device: RanOn
    environment: Mapping[str, str]
    parameters: Parameters
    resumed_from: Checkpoint | None


class Outcome(NamedTuple):
    """What a good training ends with, as its worker reports it."""

    best_epoch: int
    metrics: Metrics
    model: Model
    result: str
    picture: str | None


class JobIsOver(Refused):
    pass


class JobIsTaken(Refused):
    pass


class OrganizationIsBusy(Refused):
    """It runs as many trainings as it may; the job keeps its place in the queue."""


class AttemptIsStale(Refused):
    """Another attempt has begun; whoever reports for this one must stop."""
