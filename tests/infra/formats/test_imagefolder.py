"""Folders with a folder for each class."""

from domain.content import Layout, Task
from tests.infra.formats.folders import lost, picture, read


def test_classes_are_folders_and_sides_the_folders_above() -> None:
    reading = read(
        {
            "train/cat/1.png": picture(1),
            "train/dog/2.png": picture(2),
            "val/cat/3.png": picture(3),
            "test/dog/4.png": picture(4),
        }
    )
    assert (reading.layout, reading.task, reading.classes) == (Layout.IMAGEFOLDER, Task.CLASSIFICATION, ("cat", "dog"))
    assert [(entry.path, entry.annotations[0].class_, entry.annotations[0].box) for entry in reading.entries] == [
        ("test/dog/4.png", 1, None),
        ("train/cat/1.png", 0, None),
        ("train/dog/2.png", 1, None),
        ("val/cat/3.png", 0, None),
    ]
    assert reading.report.split == {"train": 2, "val": 1, "test": 1}
    assert (reading.report.boxes_in, reading.report.boxes_out) == (4, 4)


def test_flat_class_folders_have_no_split() -> None:
    reading = read({"cat/1.png": picture(1), "dog/deep/er/2.png": picture(2)})
    assert (reading.classes, reading.sides) == (("cat", "dog"), None)


def test_folders_around_the_whole_are_passed_over() -> None:
    inside = {"train/cat/1.png": picture(1), "validation/dog/2.png": picture(2)}
    reading = read({f"archive/pets/{path}": data for path, data in inside.items()})
    assert reading.classes == ("cat", "dog")
    assert reading.sides == {"archive/pets/train/cat/1.png": "train", "archive/pets/validation/dog/2.png": "val"}


def test_a_class_may_be_called_like_a_side() -> None:
    reading = read({"train/1.png": picture(1), "bus/2.png": picture(2), "car/3.png": picture(3)})
    assert (reading.classes, reading.sides) == (("bus", "car", "train"), None)


def test_an_image_in_no_class_folder_is_left_out_and_named() -> None:
    reading = read(
        {
            "train/cat/1.png": picture(1),
            "train/dog/2.png": picture(2),
            "test/3.png": picture(3),
            "test/cat/4.png": picture(4),
        }
    )
    assert lost(reading) == [("image", "test/3.png", "stands in no class folder")]


def test_a_class_that_only_one_side_has_is_a_class_all_the_same() -> None:
    reading = read({"train/cat/1.png": picture(1), "train/dog/2.png": picture(2), "test/emu/3.png": picture(3)})
    assert reading.classes == ("cat", "dog", "emu")


def test_a_single_class_is_worth_a_warning() -> None:
    assert "there is one class only" in read({"cat/1.png": picture(1)}).report.warnings
