"""What a training says and leaves, on real frameworks and small pictures."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.trainers.conftest import RECIPES, Finished
from tests.trainers.guests import COLOURS, SHAPES, Line
from trainers.retention import KEPT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
Finish = Callable[[str], Finished]


@pytest.fixture(params=sorted(RECIPES))
def training(request: pytest.FixtureRequest, finished: Finish) -> Finished:
    return finished(request.param)


def epochs_of(training: Finished) -> int:
    return int(training.guest.said[0]["parameters"]["epochs"])


def test_it_says_where_and_with_what_it_runs_then_each_epoch_then_the_result(training: Finished) -> None:
    kinds = [line["kind"] for line in training.guest.said if line["kind"] != "batch"]
    assert kinds == ["started", *["epoch", "checkpoint"] * epochs_of(training), "result"]


def test_its_environment_names_versions_device_and_the_trainers_own_code(training: Finished) -> None:
    environment = training.guest.said[0]["environment"]
    assert {"python", "torch", training.framework, "device_name", "cpu_count", "platform"} <= environment.keys()
    assert len(environment["code_version"]) == 64
    assert all(isinstance(value, str) and value for value in environment.values())


def test_every_parameter_is_resolved_and_the_image_size_fits_the_framework(training: Finished) -> None:
    started = training.guest.said[0]
    assert started["device"] == "cpu"
    assert started["parameters"]["seed"] == 7
    asked = RECIPES[training.model][2]["image_size"]
    assert started["parameters"]["image_size"] == {32: 32, 33: 64}[asked]


def test_the_last_batch_of_every_epoch_is_said(training: Finished) -> None:
    batches = training.guest.all("batch")
    last = [batch["epoch"] for batch in batches if batch["batch"] == batch["batches"]]
    assert last == list(range(1, epochs_of(training) + 1))
    assert all("learning_rate" in batch["metrics"] for batch in batches)


def test_an_epoch_has_losses_and_validation_scores(training: Finished) -> None:
    scores = {"val/map50", "val/map50_95"} if training.material.task == "detection" else {"val/accuracy", "val/top5"}
    for epoch in training.guest.all("epoch"):
        assert scores <= epoch["metrics"].keys()
        assert any(name.startswith("train/") for name in epoch["metrics"])
        assert any(name.startswith("val/") and "loss" in name for name in epoch["metrics"])
        assert epoch["seconds"] > 0


def test_every_file_that_it_names_has_the_hash_and_size_that_it_says(training: Finished) -> None:
    products = [*training.guest.all("checkpoint")[-KEPT:], training.result["model"], training.result["picture"]]
    for product in products:
        content = Path(product["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (product["size"], product["sha256"])


def test_the_test_side_is_judged_class_by_class(training: Finished) -> None:
    result, classes = training.result, list(training.material.classes)
    metric = "test/map50" if training.material.task == "detection" else "test/accuracy"
    assert 0 <= result["metrics"][metric] <= 1
    assert [row["class"] for row in result["per_class"]] == classes
    assert sum(row["images"] for row in result["per_class"]) == on_test(training)
    assert all({"precision", "recall"} <= row.keys() for row in result["per_class"])


def test_the_confusion_matrix_has_a_row_for_each_true_class(training: Finished) -> None:
    matrix, classes = training.result["confusion_matrix"], list(training.material.classes)
    background = ["background"] if training.material.task == "detection" else []
    assert matrix["classes"] == classes + background
    assert len(matrix["rows"]) == len(matrix["classes"]) == len(matrix["rows"][0])
    assert [sum(row) for row in matrix["rows"][: len(classes)]] == [on_test(training) // len(classes)] * len(classes)


def on_test(training: Finished) -> int:
    """How many labels stand on the test side: as many of each class."""
    return sum(len(entry["annotations"]) for entry in training.material.entries if entry["side"] == "test")


def test_the_best_epoch_is_one_of_them(training: Finished) -> None:
    assert 1 <= training.result["best_epoch"] <= epochs_of(training)


def test_the_picture_shows_images_of_the_test_side(training: Finished) -> None:
    with Image.open(training.result["picture"]["path"]) as picture:
        assert picture.width == 4 * 256


def test_only_the_newest_checkpoints_stay(training: Finished) -> None:
    folder = Path(training.guest.all("checkpoint")[0]["path"]).parent
    assert len(list(folder.iterdir())) == min(KEPT, epochs_of(training))


def test_it_asks_nothing_of_the_network(training: Finished) -> None:
    assert training.asked.read_text() == "watching\n"


def test_the_learning_classifier_of_timm_tells_colours_apart(finished: Finish) -> None:
    assert finished("test_resnet").result["metrics"]["test/accuracy"] == 1.0
    assert [row["recall"] for row in finished("test_resnet").result["per_class"]] == [1.0] * len(COLOURS)


def test_a_model_file_of_timm_carries_its_classes_and_runs_no_code_when_read(finished: Finish) -> None:
    content = Path(finished("test_resnet").result["model"]["path"]).read_bytes()
    header: Line = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    about = json.loads(header["__metadata__"]["about"])
    assert about["classes"] == list(COLOURS)
    assert (about["model"], about["image_size"]) == ("test_resnet", 32)


def test_no_model_file_names_a_folder_of_the_machine_that_made_it(training: Finished) -> None:
    content = Path(training.result["model"]["path"]).read_bytes()
    assert str(training.material.folder.parent).encode() not in content
    assert b"origin" not in content or b".git" not in content


def test_detection_counts_instances(finished: Finish) -> None:
    per_class = finished("tiny-detector").result["per_class"]
    assert [row["class"] for row in per_class] == list(SHAPES)
    assert all(row["instances"] == row["images"] for row in per_class)
    assert all(math.isfinite(row["ap50"]) for row in per_class)
