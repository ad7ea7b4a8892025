"""A laboratory's long history to measure on: people, a dataset, an experiment, and one training after another."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.model import Envelope, Event, Recorded
from domain.training_job import TrainingJob
from infra.ledger import Append
from infra.mapper import Stored
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from infra.wiring import Core
from tests.commands.test_training_job import JOB
from tests.infra.projecting import here
from tests.projections.history import everything, recorded
from tests.servers import Databases, Servers

EPOCHS = 12
AT_ONCE = 50
LOSSES = ("train/loss", "val/loss")
SCORES = ("metrics/mAP50(B)", "metrics/mAP50-95(B)", "metrics/precision(B)", "metrics/recall(B)")


@dataclass
class Past:
    """A ledger that grows by real events, through its door."""

    core: Core
    databases: Databases

    def __post_init__(self) -> None:
        self._chance = random.Random(7)
        story = [(each.event, here(each.envelope, self.core.mapper.ledger)) for each in recorded(everything())]
        self._training = _training(recorded(everything()))
        self.append([[self.core.mapper.encode(*each)] for each in story])

    @property
    def position(self) -> int:
        return self.core.store.head().position

    def grow(self, upto: int) -> None:
        while (missing := upto - self.position) > 0:
            trainings = -(-missing // len(self._training))
            self.append([self.another() for _ in range(min(trainings, AT_ONCE))])

    def append(self, commands: Sequence[list[Stored]]) -> None:
        given = [Append(uuid7(), b"", {"id": str(events[0].originator_id)}, events) for events in commands]
        assert {verdict.verdict for verdict in self.core.store.append(given)} == {"accepted"}

    def another(self) -> list[Stored]:
        """One more training, from its wish to its end."""
        job = uuid7()
        return [self.core.mapper.encode(*self._changed(event, envelope, job)) for event, envelope in self._training]

    def _changed(self, event: Event, envelope: Envelope, job: UUID) -> tuple[Event, Envelope]:
        own: dict[str, Any] = {"originator_id": job}
        if isinstance(event, TrainingJob.EpochCompleted | TrainingJob.Completed):
            own["metrics"] = {name: self._chance.random() for name in (*LOSSES, *SCORES)}
        if isinstance(event, TrainingJob.Completed):
            own["model"] = event.model.model_copy(update={"id": uuid7()})
        if isinstance(event, TrainingJob.Requested):
            given = {"lr0": round(10 ** self._chance.uniform(-4, -1), 6), "batch": self._chance.choice([8, 16, 32])}
            own["recipe"] = event.recipe.model_copy(update={"parameters": {**event.recipe.parameters, **given}})
        ids = {"event": uuid7(), "command": uuid7(), "correlation": uuid7()}
        return event.model_copy(update=own), here(envelope, self.core.mapper.ledger).model_copy(update=ids)


def _training(story: Sequence[Recorded]) -> list[tuple[Event, Envelope]]:
    """One that completes at its first attempt, after so many epochs."""
    of_it = [each for each in reversed(story) if each.event.originator_id == JOB]
    told = {type(each.event): (each.event, each.envelope) for each in of_it}
    before: list[type[Event]] = [
        TrainingJob.Requested,
        TrainingJob.Claimed,
        TrainingJob.Started,
        TrainingJob.MlflowLinked,
    ]
    epochs: list[type[Event]] = [TrainingJob.EpochCompleted] * EPOCHS
    kinds: list[type[Event]] = [*before, *epochs, TrainingJob.CheckpointSaved, TrainingJob.Completed]
    found = []
    for version, kind in enumerate(kinds, 1):
        event, envelope = told[kind]
        epoch = {"epoch": version - len(before), "epochs": EPOCHS} if kind is TrainingJob.EpochCompleted else {}
        attempt = {"attempt": 1} if hasattr(event, "attempt") else {}
        found.append((event.model_copy(update={"originator_version": version, **epoch, **attempt}), envelope))
    return found


@contextmanager
def past(servers: Servers) -> Iterator[Past]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    with Core.open(servers.settings("projector", databases)) as core:
        yield Past(core, databases)
    servers.drop(databases)
