"""A point that a worker wrote and nobody tells of is found, wherever it was lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checking import Ledger
from tests.faults.invented import Told, ledger
from tests.faults.points import Spools, epochs_missing, kept_faults, spool_faults, tail_faults

JOB = "job"
EPOCHS, BATCHES = 3, 2
REQUESTED: Told = ("training_job.requested", JOB, {"recipe": {"parameters": {"epochs": EPOCHS}}})
COMPLETED: Told = ("training_job.completed", JOB, {})
Spooled = dict[int, list[dict[str, Any]]]


def points(*epochs: int) -> list[dict[str, Any]]:
    batches = [{"kind": "batch", "epoch": e, "batch": b, "batches": BATCHES} for e in epochs for b in (1, 2)]
    return [{"n": n, **batch} for n, batch in enumerate(batches, 1)]


def told(spools: Spooled) -> list[dict[str, Any]]:
    return [
        {"cursor": f"{attempt}.{point['n']}.0", **{name: value for name, value in point.items() if name != "n"}}
        for attempt, some in spools.items()
        for point in some
    ]


def story(*epochs: tuple[int, int]) -> Ledger:
    """Of a training that ended well, by attempt and epoch."""
    started = [("training_job.started", JOB, {"attempt": attempt}) for attempt in sorted({a for a, _ in epochs})]
    stepped = [("training_job.epoch_completed", JOB, {"attempt": a, "epoch": e}) for a, e in epochs]
    return ledger([REQUESTED, *started, *stepped, COMPLETED])


STORY = story((1, 1), (1, 2), (2, 2), (2, 3))
SPOOLS: Spooled = {1: points(1, 2), 2: points(2, 3)}


def test_a_training_that_lost_nothing_is_let_pass() -> None:
    assert [*epochs_missing(STORY, JOB), *tail_faults(STORY, JOB, told(SPOOLS))] == []
    assert [*spool_faults(STORY, JOB, SPOOLS, told(SPOOLS))] == []
    assert [*kept_faults(JOB, SPOOLS, {1: [(1, 2), (3, 4)], 2: [(1, 4)]})] == []


def test_a_training_that_ended_well_before_its_last_epoch_is_found() -> None:
    assert [*epochs_missing(story((1, 1), (1, 2)), JOB)]
    assert [*epochs_missing(story((1, 1), (1, 3)), JOB)]
    assert not [*epochs_missing(ledger([REQUESTED]), JOB)], "it has not ended yet"


def test_the_last_batch_of_an_epoch_may_be_missing_only_where_another_attempt_trained_it_again() -> None:
    repeated = {1: SPOOLS[1][:3], 2: SPOOLS[2]}
    assert [*tail_faults(STORY, JOB, told(repeated))] == []
    assert [*tail_faults(STORY, JOB, told({1: SPOOLS[1], 2: SPOOLS[2][:-1]}))]
    assert [*tail_faults(STORY, JOB, told({1: SPOOLS[1], 2: SPOOLS[2][2:]}))]


@pytest.mark.parametrize(
    "harm",
    [
        lambda spools: {1: spools[1], 2: spools[2][:-1]},
        lambda spools: {1: spools[1]},
        lambda spools: {1: spools[1][1:], 2: spools[2]},
        lambda spools: {1: [*spools[1], *spools[1][-1:]], 2: spools[2]},
        lambda spools: {1: [{**point, "epoch": 9} for point in spools[1]], 2: spools[2]},
    ],
    ids=["tail", "attempt", "head", "doubled", "other"],
)
def test_what_is_told_otherwise_than_it_was_written_is_found(harm: Callable[[Spooled], Spooled]) -> None:
    assert [*spool_faults(STORY, JOB, SPOOLS, told(harm(SPOOLS)))]


def test_an_attempt_of_whose_worker_nothing_is_known_is_found() -> None:
    assert [*spool_faults(STORY, JOB, {1: SPOOLS[1]}, told({1: SPOOLS[1]}))]


@pytest.mark.parametrize("kept", [{1: [(1, 4)]}, {1: [(1, 4)], 2: [(1, 3)]}, {1: [(1, 4)], 2: [(2, 4)]}])
def test_an_archive_that_ends_early_or_has_a_gap_is_found(kept: dict[int, list[tuple[int, int]]]) -> None:
    assert [*kept_faults(JOB, SPOOLS, kept)]


def test_a_spool_is_known_after_its_worker_has_removed_it(tmp_path: Path) -> None:
    file = tmp_path / "attempts" / f"{JOB}.2" / "spool" / "points.jsonl"
    file.parent.mkdir(parents=True)
    first, second = points(1)
    file.write_text(f"{json.dumps(first)}\n")
    spools = Spools(tmp_path / "attempts", tmp_path / "kept")
    spools.look()
    with file.open("a") as more:
        more.write(f"{json.dumps(second)}\n")
    spools.look()
    file.unlink()
    assert spools.of(JOB) == {2: [first, second]}
