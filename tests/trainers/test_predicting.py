"""A trained model, asked about pictures."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainers.conftest import Finished
from tests.trainers.guests import Line, guest, python_of, refused

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
Finish = Callable[[str], Finished]
Answer = Callable[[str], Line]


@pytest.fixture(scope="session")
def answer(finished: Finish, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What a model says about the last three pictures of its material, drawn too; each is asked once."""

    def asked(model: str) -> Line:
        folder = tmp_path_factory.mktemp("asked")
        code, said = ask(finished(model), folder, output=str(folder / "drawn"))
        assert (code, said["kind"]) == (0, "predictions")
        return said

    return cache(asked)


def ask(training: Finished, folder: Path, **changes: Any) -> tuple[int, Line]:
    question = asking(training, folder, **changes)
    with guest(python_of(training.framework), [training.framework, "--predict", question], folder / "log") as started:
        code = started.finish()
    return code, started.said[-1]


def asking(training: Finished, folder: Path, **changes: Any) -> Path:
    """The file is asked for by its hash alone, as it lies in an object store."""
    made = training.result["model"]
    model = shutil.copyfile(made["path"], folder / made["sha256"])
    images = [str(image) for image in pictures_of(training)]
    question = {"model": str(model), "sha256": made["sha256"], "images": images, "confidence": 0.0001, "output": None}
    (folder / "question.json").write_text(json.dumps(question | changes))
    return folder / "question.json"


def pictures_of(training: Finished) -> list[Path]:
    return [training.material.blobs / entry["sha256"] for entry in training.material.entries[-3:]]


@pytest.mark.parametrize("model", ["tiny-detector", "yolo26n"])
def test_a_detector_says_what_it_sees_and_where(finished: Finish, answer: Answer, model: str) -> None:
    said, training = answer(model), finished(model)
    assert (said["task"], said["classes"]) == ("detection", list(training.material.classes))
    assert [one["image"] for one in said["predictions"]] == list(map(str, pictures_of(training)))
    boxes = [box for one in said["predictions"] for box in one["boxes"]]
    assert boxes
    assert all(box["class"] in training.material.classes and 0 <= box["score"] <= 1 for box in boxes)
    assert all(0 <= part <= 1 for box in boxes for part in box["box"])


@pytest.mark.parametrize("model", ["test_resnet", "yolo26n-cls"])
def test_a_classifier_gives_every_class_its_chance_the_likeliest_first(
    finished: Finish, answer: Answer, model: str
) -> None:
    assert answer(model)["task"] == "classification"
    for one in answer(model)["predictions"]:
        chances = [found["score"] for found in one["classes"]]
        assert sorted(found["class"] for found in one["classes"]) == sorted(finished(model).material.classes)
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) == pytest.approx(1, abs=1e-3)


def test_the_classifier_of_timm_is_right_about_colours(finished: Finish, answer: Answer) -> None:
    material = finished("test_resnet").material
    truth = [material.classes[entry["annotations"][0]["class"]] for entry in material.entries[-3:]]
    assert [one["classes"][0]["class"] for one in answer("test_resnet")["predictions"]] == truth


@pytest.mark.parametrize("model", ["tiny-detector", "test_resnet"])
def test_what_it_sees_is_drawn_where_a_folder_is_named(finished: Finish, answer: Answer, model: str) -> None:
    pictures = answer(model)["pictures"]
    assert [picture["image"] for picture in pictures] == list(map(str, pictures_of(finished(model))))
    for picture in pictures:
        with Image.open(picture["path"]) as drawn:
            assert drawn.size == (256, 256)


def test_a_model_with_another_hash_is_not_opened(finished: Finish, tmp_path: Path) -> None:
    question = asking(finished("tiny-detector"), tmp_path, sha256="0" * 64)
    code, said = refused("ultralytics", "--predict", question, log=tmp_path / "log")
    assert (code, said["reason"]) == (3, "data_error")
    assert "was not loaded: its hash is" in said["message"]


@pytest.mark.parametrize("model", ["tiny-detector", "test_resnet"])
def test_a_file_that_is_no_picture_is_named(finished: Finish, tmp_path: Path, model: str) -> None:
    (tmp_path / "note.txt").write_text("no picture")
    code, said = ask(finished(model), tmp_path, images=[str(tmp_path / "note.txt")])
    assert (code, said["reason"]) == (3, "data_error")
    assert said["message"].startswith(f"{tmp_path / 'note.txt'} cannot be decoded")


@pytest.mark.parametrize(("asked", "made"), [("tiny-detector", "test_resnet"), ("test_resnet", "tiny-detector")])
def test_a_model_of_another_framework_is_refused(finished: Finish, tmp_path: Path, asked: str, made: str) -> None:
    other = finished(made).result["model"]
    code, said = ask(finished(asked), tmp_path, model=other["path"], sha256=other["sha256"])
    assert (code, said["reason"]) == (3, "data_error")
    assert f"is not a model of {finished(asked).framework}" in said["message"]
