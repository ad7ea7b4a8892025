"""At which phase of a training a fault begins: by the seed, at any unless it needs an epoch, and truly then."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

import pytest

from tests.faults import breaking, elsewhere, inflicting, phases
from tests.faults.inflicting import Blow, Fault
from tests.faults.phases import Phase, reached
from tests.faults.rounds import phases_of
from tests.whole import Recorded

EVERY: Final = inflicting.table() | breaking.table() | elsewhere.table()
ASKED, CLAIMED, STARTED, STEPPED, COMPLETED = (
    f"training_job.{word}" for word in ("requested", "claimed", "started", "epoch_completed", "completed")
)
RECIPE: Final = {"recipe": {"parameters": {"epochs": 3}}}


def nothing(blow: Blow) -> None:
    pass


def drawn(fault: Fault, seeds: int = 200) -> list[Phase]:
    return [phase for seed in range(seeds) for phase in phases_of([fault], random.Random(seed))]


def test_a_fault_begins_at_every_phase_and_at_the_same_again_by_the_same_seed() -> None:
    fault = Fault("any", nothing)
    assert {*drawn(fault)} == {*Phase}
    assert drawn(fault) == drawn(fault)


def test_what_needs_an_epoch_begins_between_two_and_nothing_else_is_drawn_otherwise_for_it() -> None:
    bound, free = Fault("bound", nothing, needs_an_epoch=True), Fault("free", nothing)
    assert {*drawn(bound)} == {Phase.BETWEEN}
    for seed in range(20):
        one, other = random.Random(seed), random.Random(seed)
        assert phases_of([bound, free], one)[1] == phases_of([free, free], other)[1]
        assert one.random() == other.random()


def test_whoever_ends_a_worker_or_waits_for_a_running_training_needs_an_epoch() -> None:
    assert {name for name, fault in EVERY.items() if fault.needs_an_epoch} == {
        *(f"kill {part}" for part in ("the training itself", "trainer-timm for good")),
        *(f"stop {part}" for part in ("the training itself", "trainer-timm for good")),
        *("NATS away for 60 s", "MLflow away for a training", "durables deleted"),
        *("clock set back", "clock set forward"),
    }


class Story:
    """Of one training at a time: another event of it has come each time that somebody looks."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics, self.seen, self.requests = topics, 1, 0
        self.followed: list[Any] = []

    def request(self) -> Any:
        self.requests += 1
        self.followed.append(SimpleNamespace(job=f"job {self.requests}"))
        return self.followed[-1]

    def history(self, settings: object, job: str) -> list[Recorded]:
        found = self.topics[: self.seen]
        self.seen = min(self.seen + 1, len(self.topics))
        steps = [found[: n + 1].count(STEPPED) for n in range(len(found))]
        facts = [RECIPE | {"epoch": step, "attempt": 1} for step in steps]
        return [Recorded(n, topic, facts[n - 1], datetime.now(UTC), "") for n, topic in enumerate(found, 1)]


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    """Where nobody sleeps, and what has come does not go on by being told."""
    story = Story([ASKED, CLAIMED, STARTED, *[STEPPED] * 3, COMPLETED])
    for module in ("tests.faults.phases", "tests.whole"):
        monkeypatch.setattr(f"{module}.history", story.history)
    monkeypatch.setattr(phases, "head", lambda settings: 0)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return story


@pytest.mark.parametrize(
    ("phase", "least", "most"),
    [
        (Phase.REQUESTED, 0, 0),
        (Phase.CLAIMED, 1, 2),
        (Phase.BETWEEN, 3, 6),
        (Phase.LAST, 4, 6),
    ],
)
def test_a_phase_is_reached_and_told_with_the_last_event_then(
    story: Story, phase: Phase, least: int, most: int
) -> None:
    told = reached(phase, story, object(), random.Random(1), 1.0)  # type: ignore[arg-type]
    assert least <= story.topics.index(told.partition("(")[2].rstrip(")")) <= most
    assert told.startswith(phase)


def test_a_claim_is_that_of_a_new_training_and_the_last_epoch_that_of_the_one_that_runs(story: Story) -> None:
    story.request()
    reached(Phase.LAST, story, object(), random.Random(1), 1.0)  # type: ignore[arg-type]
    assert story.requests == 1
    reached(Phase.CLAIMED, story, object(), random.Random(1), 1.0)  # type: ignore[arg-type]
    assert story.requests == 2
