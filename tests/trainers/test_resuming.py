"""A training that died goes on: in a new process, in another folder, from the last checkpoint that was shipped."""

import hashlib
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.conftest import SHORT, Finished
from tests.trainers.guests import Line, failure, trained, training

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(params=["tiny-detector", "test_resnet"])
def whole(request: pytest.FixtureRequest, finished: Callable[[str], Finished]) -> Finished:
    """A training of the same data that was never disturbed."""
    return finished(request.param)


def shipped(checkpoint: Line, target: Path) -> dict[str, Any]:
    """What a service does with a checkpoint: it takes a copy, and names it to the next attempt."""
    shutil.copyfile(checkpoint["path"], target)
    return {"path": str(target), "sha256": checkpoint["sha256"], "epoch": checkpoint["epoch"]}


def metrics_of(epochs: list[Line]) -> list[Mapping[str, float]]:
    return [epoch["metrics"] for epoch in epochs]


def test_a_killed_training_goes_on_elsewhere_as_if_it_had_never_stopped(whole: Finished, tmp_path: Path) -> None:
    with training(whole.framework, whole.material.job(tmp_path / "first", whole.model, SHORT)) as first:
        resume = shipped(first.until("checkpoint", epoch=2), tmp_path / "shipped")
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    shutil.rmtree(tmp_path / "first")

    job = whole.material.job(tmp_path / "second", whole.model, SHORT, attempt=2, resume=resume)
    second = trained(whole.framework, job)
    assert [line["epoch"] for line in second.all("epoch")] == [3, 4]
    goes_on(whole, metrics_of(second.all("epoch")), metrics_of(whole.guest.all("epoch")))
    assert second.said[-1]["best_epoch"] in range(1, 5)


def goes_on(whole: Finished, rest: list[Mapping[str, float]], undisturbed: list[Mapping[str, float]]) -> None:
    """timm to the last bit; ultralytics, which keeps half of the bits of its weights, as fast and from as far."""
    if whole.framework == "timm":
        assert rest == undisturbed[2:]
    assert [each["learning_rate"] for each in rest] == pytest.approx(
        [each["learning_rate"] for each in undisturbed[2:]]
    )
    loss = next(name for name in undisturbed[0] if name.startswith("train/"))
    assert rest[0][loss] < undisturbed[0][loss]


@pytest.mark.cuda
def test_a_training_goes_on_where_there_is_a_cuda_device_and_back(whole: Finished, tmp_path: Path) -> None:
    resume = shipped(whole.guest.all("checkpoint")[1], tmp_path / "shipped")
    second = trained(
        whole.framework, whole.material.job(tmp_path / "second", whole.model, SHORT, device="cuda", resume=resume)
    )
    resume = shipped(second.all("checkpoint")[0], tmp_path / "shipped again")
    third = trained(
        whole.framework, whole.material.job(tmp_path / "third", whole.model, SHORT, device="cpu", resume=resume)
    )
    assert [[line["epoch"] for line in each.all("epoch")] for each in (second, third)] == [[3, 4], [4]]


def test_a_training_that_died_after_its_last_epoch_only_gives_its_result(whole: Finished, tmp_path: Path) -> None:
    resume = shipped(whole.guest.all("checkpoint")[-1], tmp_path / "shipped")
    job = whole.material.job(tmp_path / "rest", whole.model, SHORT, resume=resume)
    rest = trained(whole.framework, job)
    assert [line["kind"] for line in rest.said] == ["started", "result"]
    assert rest.said[-1]["metrics"] == whole.result["metrics"]
    assert rest.said[-1]["best_epoch"] == whole.result["best_epoch"]


def test_a_checkpoint_of_another_recipe_is_refused(whole: Finished, tmp_path: Path) -> None:
    resume = shipped(whole.guest.all("checkpoint")[-1], tmp_path / "shipped")
    job = whole.material.job(tmp_path / "rest", whole.model, SHORT | {"epochs": 9}, resume=resume)
    code, said = failure(whole.framework, job)
    assert (code, said["reason"]) == (3, "data_error")
    assert "other parameters" in said["message"]


def test_a_file_that_is_no_checkpoint_is_refused_though_its_hash_is_right(whole: Finished, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.write_bytes(b"not a checkpoint")
    resume = {"path": str(forged), "sha256": hashlib.sha256(b"not a checkpoint").hexdigest(), "epoch": 2}
    job = whole.material.job(tmp_path / "output", whole.model, SHORT, resume=resume)
    code, said = failure(whole.framework, job)
    assert (code, said["reason"]) == (3, "data_error")
    assert str(forged) in said["message"]


def test_an_earlier_model_can_be_the_start(whole: Finished, tmp_path: Path) -> None:
    made = whole.result["model"]
    weights = {"path": str(shutil.copyfile(made["path"], tmp_path / made["sha256"])), "sha256": made["sha256"]}
    still = SHORT | {"epochs": 1, "learning_rate": 0.0001}
    later = trained(whole.framework, whole.material.job(tmp_path / "later", whole.model, still, weights=weights))
    began, begins = (metrics_of(guest.all("epoch"))[0] for guest in (whole.guest, later))
    loss = next(name for name in begins if name.startswith("train/"))
    assert begins[loss] < began[loss]
