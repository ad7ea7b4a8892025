"""What a trainer refuses before it loads a framework: asked where there is none, so it cannot get that far."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.guests import Material, coloured, refused, shaped
from trainers.__main__ import train
from trainers.failures import TrainingFailed
from trainers.reporting import Reporter

Ask = Callable[..., str]


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return coloured(tmp_path / "material", {"train": 3, "val": 3, "test": 3})


@pytest.fixture
def ask(material: Material, tmp_path: Path) -> Ask:
    """Starts a training that must fail over its data, and gives the message."""

    def said(framework: str = "timm", model: str = "test_resnet", parameters: Any = (), **changes: Any) -> str:
        return complaint(framework, material.job(tmp_path / "output", model, dict(parameters), **changes))

    return said


def complaint(framework: str, job: Path) -> str:
    with pytest.raises(TrainingFailed) as failed:
        train(framework, job, Reporter(io.BytesIO()))
    assert failed.value.reason == "data_error"
    return str(failed.value)


@pytest.mark.parametrize("value", [0, -1, 10**9, "ten", 1.5, True, None])
def test_a_senseless_number_of_epochs_is_refused(ask: Ask, value: object) -> None:
    assert "parameter epochs must be" in ask(parameters={"epochs": value})


@pytest.mark.parametrize("value", ["fast", 0, float("nan"), -0.1, True])
def test_a_senseless_learning_rate_is_refused(ask: Ask, value: object) -> None:
    assert "parameter learning_rate must be" in ask(parameters={"learning_rate": value})


def test_a_choice_outside_the_list_is_refused(tmp_path: Path) -> None:
    job = shaped(tmp_path / "material").job(tmp_path / "output", "tiny-detector", {"optimizer": "Newton"})
    assert "must be one of AdamW, Adam, SGD, MuSGD, not 'Newton'" in complaint("ultralytics", job)


def test_an_unknown_model_is_refused_and_the_known_ones_are_named(ask: Ask) -> None:
    assert "timm has no model 'gpt'; it has test_resnet," in ask(model="gpt")


def test_an_unknown_framework_is_refused_and_the_known_ones_are_named(ask: Ask) -> None:
    assert ask(framework="torchvision").endswith("there are timm, ultralytics")


def test_an_unknown_parameter_is_refused(ask: Ask) -> None:
    assert "has no parameter 'speed'" in ask(parameters={"speed": 1})


def test_a_model_for_another_task_is_refused(ask: Ask) -> None:
    said = ask(framework="ultralytics", model="tiny-detector")
    assert said == "model tiny-detector is for detection, not for classification"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"format": 2}, "format must be one of 1"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"threads": "two"}, "threads must be int"),
        ({"classes": []}, "classes is empty"),
        ({"classes": [1]}, "classes must be str"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, not 'tpu'"),
        ({"task": "dancing"}, "task must be one of detection, classification"),
        ({"surprise": 1}, "unknown field 'surprise'"),
        ({"resume": {"path": "x", "epoch": 1}}, "field 'sha256' is missing"),
        ({"weights": {"path": "x", "sha256": "../../etc/passwd"}}, "is no SHA-256"),
        ({"entries": "/nowhere/entries.jsonl"}, "No such file"),
    ],
)
def test_a_job_file_that_is_not_as_agreed_is_refused(ask: Ask, changes: dict[str, Any], wrong: str) -> None:
    assert wrong in ask(**changes)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10_000, "null"])
def test_a_job_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    assert complaint("timm", tmp_path / "job.json").startswith("job.json ")


def test_a_job_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Asked as a process: a failure is a line, and an exit code."""
    code, said = refused("timm", tmp_path / "none.json", log=tmp_path / "log")
    message = f"{tmp_path / 'none.json'}: No such file or directory"
    assert (code, said) == (3, {"kind": "failed", "reason": "data_error", "message": message})


def test_a_missing_file_is_named_with_the_image_that_it_was(ask: Ask, material: Material) -> None:
    material.blob_of("val/1 😀.png").unlink()
    assert ask() == "val/1 😀.png: its file cannot be read: No such file or directory"


def test_a_changed_file_is_named_with_the_image_that_it_was(ask: Ask, material: Material) -> None:
    blob = material.blob_of("train/2 😀.png")
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    said = ask()
    assert said.startswith("train/2 😀.png: its file has hash ")


def test_a_checkpoint_whose_hash_does_not_verify_is_not_loaded(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b"other bytes")
    said = ask(resume={"path": str(tmp_path / "checkpoint"), "sha256": "0" * 64, "epoch": 2})
    assert said.startswith("the checkpoint was not loaded: its hash is ")


def test_starting_weights_that_are_not_there_are_named(ask: Ask) -> None:
    said = ask(weights={"path": "/nowhere/weights", "sha256": "0" * 64})
    assert said == "the starting weights cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ({"annotations": [{"class": 3}]}, "class 3 is outside the 3 classes"),
        ({"annotations": [{"class": -1}]}, "class -1 is outside"),
        ({"annotations": [{"class": "red"}]}, "'red' is no index"),
        ({"annotations": []}, "classification needs exactly one class, this image has 0"),
        ({"annotations": [{"class": 0}, {"class": 1}]}, "this image has 2"),
        ({"side": "left"}, "is not what it must be"),
        ({"sha256": "../secret"}, "is not what it must be"),
    ],
)
def test_an_entry_that_cannot_be_learnt_from_is_named(
    ask: Ask, material: Material, entry: dict[str, Any], wrong: str
) -> None:
    material.entries[0].update(entry)
    said = ask()
    assert wrong in said
    assert "train/0 😀.png" in said or "line 1" in said


def test_a_line_of_entries_that_is_no_json_is_named_by_its_number(material: Material, tmp_path: Path) -> None:
    job = material.job(tmp_path / "output", "test_resnet", {})
    with Path(json.loads(job.read_text())["entries"]).open("a") as entries:
        entries.write("half a l")
    assert "line 10" in complaint("timm", job)


@pytest.mark.parametrize("side", ["train", "val"])
def test_a_side_without_images_is_named(ask: Ask, material: Material, side: str) -> None:
    material.entries[:] = [entry for entry in material.entries if entry["side"] != side]
    assert ask() == f"no image stands on the {side} side of the split"


def test_detection_without_a_box_is_refused(tmp_path: Path) -> None:
    material = shaped(tmp_path / "material")
    material.entries[1]["annotations"] = [{"class": 0}]
    assert complaint("ultralytics", material.job(tmp_path / "o", "tiny-detector", {})).endswith("has no box")
