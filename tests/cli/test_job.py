"""The list of trainings, in the form in which the API gives them."""

from typing import Any
from uuid import UUID

import pytest

from cli.ending import REASONS, because
from cli.exits import Exit, Stop
from cli.job import described, going_on, in_table, in_words, result, row
from domain.training import EndReason
from projections.training_job import JobRow

JOB, NOW = UUID(int=7), "2026-01-01T00:00:00Z"
RECIPE = {
    "framework": "timm", "task": "classification", "model": "tiny-classifier", "parameters": {},
    "weights": {}, "device": "cpu", "gpus": 0, "code_version": "1",
}  # fmt: skip
SNAPSHOT = {"id": JOB, "tag": "v1", "root": "0" * 64, "images": 3, "split": None}
KNOWN: dict[str, Any] = {
    "status": "queued", "attempt": 1, "cancelling": False, "epoch": 0, "metrics": {}, "requested_at": NOW,
    "first_position": 1, "position": 1, "recipe": RECIPE, "snapshot": SNAPSHOT, "mlflow_run_id": None,
    "dataset": "cells", "project": "blood",
}  # fmt: skip


def test_a_training_is_listed_with_its_framework_and_model() -> None:
    ids = {name: JOB for name in JobRow.model_fields if name == "id" or name.endswith("_id")}
    job = JobRow.model_validate(dict.fromkeys(JobRow.model_fields) | ids | KNOWN)
    fields = (str(JOB), "2026-01-01 00:00:00 UTC", "queued", "timm tiny-classifier", "cells", "blood", "", "")
    assert row(job.model_dump(mode="json")) == fields


def test_a_training_that_runs_shows_how_far_it_is_and_its_scores() -> None:
    ids = {name: JOB for name in JobRow.model_fields if name == "id" or name.endswith("_id")}
    known = KNOWN | {"epoch": 2, "epochs": 5, "metrics": {"train/loss": 2.0, "val/accuracy": 0.51234}}
    job = JobRow.model_validate(dict.fromkeys(JobRow.model_fields) | ids | known)
    assert row(job.model_dump(mode="json"))[-2:] == ("2/5", "val/accuracy 0.512")


def test_below_the_list_it_is_said_once_why_those_that_are_queued_wait() -> None:
    known = {"id": "7", "epoch": 0, "epochs": None} | KNOWN
    jobs = [known | {"status": "running", "waits_for": None}, *[known | {"waits_for": "no place is free"}] * 2]
    assert in_table(jobs).splitlines()[-2:] == [*in_table(jobs[:2]).splitlines()[-2:-1], "queued: no place is free"]
    assert "queued:" not in in_table(jobs[:1])


def test_a_training_is_shown_with_all_that_was_asked_for_and_each_attempt() -> None:
    ids = {name: JOB for name in JobRow.model_fields if name == "id" or name.endswith("_id")}
    broken = "an error in the code of the training"
    evidence = {"reason": "code_error", "message": "it broke", "exit_code": 1, "last_lines": []}
    known = KNOWN | {"status": "failed", "reason": "code_error", "evidence": evidence, "model_id": None}
    job = JobRow.model_validate(dict.fromkeys(JobRow.model_fields) | ids | known).model_dump(mode="json")
    attempt = {"attempt": 1, "status": "failed", "device": "cpu", "reason": "code_error"}
    shown = described(job | {"waits_for": None, "attempts": [attempt]}).splitlines()
    assert [line.split(maxsplit=1) for line in shown if line] == [
        ["id", str(JOB)], ["what", "timm tiny-classifier on cpu"], ["dataset", "cells, snapshot v1:"],
        ["project", "blood"], ["status", f"failed: {broken}"], ["requested", "2026-01-01 00:00:00 UTC"],
        ["attempt", "status  device  why it ended"], ["1", f"failed  cpu     {broken}"], ["it", "broke"],
    ]  # fmt: skip


def test_the_finer_steps_of_a_worker_are_told_beside_the_states() -> None:
    said = [
        {"kind": "state", "status": "claimed"},
        {"kind": "state", "state": "preparing"},
        {"kind": "log", "line": ""},
        {"kind": "state", "state": "ended"},
    ]
    assert [in_words(message) for message in said] == ["claimed", "preparing", "", ""]


def test_a_training_that_ended_says_what_came_of_it_and_what_can_be_done_with_it() -> None:
    scores = {"test/accuracy": 0.98765, "val/accuracy": 0.5}
    done = {"model_id": JOB, "metrics": scores, "best_epoch": 3, "reason": None}
    assert result(done).splitlines() == [
        "best epoch 3; on the test side accuracy 0.988",
        f"vistory predict {JOB} IMAGE",
    ]
    assert result({"model_id": None, "reason": "user"}) == "cancelled by a user\n"
    assert result({"model_id": None, "reason": None}) == ""


def test_every_reason_that_a_training_ends_for_is_told_in_words() -> None:
    assert set(REASONS) == {each.value for each in EndReason}
    assert because("of_tomorrow") == "of tomorrow"
    assert because(None) == ""


def test_who_looks_away_is_told_that_the_training_goes_on() -> None:
    goes_on = "the training goes on: `vistory job follow 0198c0de-0000` looks again"
    with pytest.raises(Stop, match=goes_on) as stopped, going_on("0198c0de-0000-7000-8000-000000000091"):
        raise KeyboardInterrupt
    assert stopped.value.exit_code == Exit.INTERRUPTED
