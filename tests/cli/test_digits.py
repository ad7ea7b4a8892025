"""The digits of the demo: real ones, divided before anything is made of them, brought along as any user's folder."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.digits import CLASSES, SHARES, Digit, divided, write_digits, write_never_seen, write_scenes
from cli.scene import Box
from domain.content import Layout
from infra.folder import Folder
from infra.formats import Reading, look, read_folder

FEW = {"train": 30, "val": 12, "test": 12}


def read(path: Path) -> Reading:
    folder = Folder(path)
    reading = read_folder(folder.files, folder.read)
    assert not reading.report.dropped
    return reading


def fingerprints(path: Path) -> dict[str, str]:
    return {file.path: file.sha256 for file in Folder(path).files}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("demo") / "scenes", FEW)


def test_all_digits_are_divided_by_class_before_anything_is_made_of_them() -> None:
    sides = divided(0)
    assert sum(map(len, sides.values())) == 1797
    for label in range(CLASSES):
        of_label = {side: sum(digit.label == label for digit in digits) for side, digits in sides.items()}
        for side, share in SHARES.items():
            assert abs(of_label[side] - share * sum(of_label.values())) <= 1


def test_no_digit_stands_on_two_sides() -> None:
    alike = [{digit.ink.tobytes() for digit in digits} for digits in divided(0).values()]
    assert sum(map(len, alike)) == len(set.union(*alike))


def test_the_scenes_are_a_yolo_folder_that_brings_its_split(scenes: Path) -> None:
    reading = read(scenes)
    assert reading.layout is Layout.YOLO
    assert reading.classes == tuple("0123456789")
    assert reading.report.split == FEW
    assert all(1 <= len(entry.annotations) <= 6 for entry in reading.entries)
    assert {(entry.width, entry.height) for entry in reading.entries} == {(96, 96)}
    assert not reading.report.warnings


def test_the_digits_are_an_imagefolder_that_brings_its_split(tmp_path: Path) -> None:
    reading = read(write_digits(tmp_path, most=80))
    assert reading.layout is Layout.IMAGEFOLDER
    assert reading.classes == tuple("0123456789")
    assert reading.report.split == {"train": 80, "val": 80, "test": 80}
    assert {(entry.width, entry.height) for entry in reading.entries} == {(32, 32)}


def test_boxes_are_tight_around_what_stands_out(scenes: Path) -> None:
    for entry in read(scenes).entries:
        picture = np.asarray(Image.open(scenes / entry.path).convert("L"), dtype=np.float32)
        for annotation in entry.annotations:
            assert annotation.box is not None
            x, y, width, height = (float(each) * 96 for each in annotation.box)
            part = picture[round(y - height / 2) : round(y + height / 2), round(x - width / 2) : round(x + width / 2)]
            assert 8 <= height <= 33
            assert part.std() > 15


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(scenes: Path, tmp_path: Path) -> None:
    few = {"train": 3}
    assert fingerprints(write_scenes(tmp_path / "a", few)) == fingerprints(write_scenes(tmp_path / "b", few))
    again = fingerprints(write_scenes(tmp_path / "c", few, seed=1))
    assert not set(again.values()) & set(fingerprints(tmp_path / "a").values()) - {data_yaml(tmp_path / "c")}


def data_yaml(folder: Path) -> str:
    return hashlib.sha256((folder / "data.yaml").read_bytes()).hexdigest()


def test_pictures_that_were_never_seen_are_in_no_dataset(scenes: Path, tmp_path: Path) -> None:
    new = write_never_seen(tmp_path / "new", count=2)
    assert len(new) == 4
    assert all(look(path.read_bytes()).fault is None for path in new)
    seen = fingerprints(scenes) | fingerprints(write_digits(tmp_path / "digits"))
    assert not set(fingerprints(tmp_path / "new").values()) & set(seen.values())


def test_digits_in_a_scene_do_not_overlap() -> None:
    assert Box(0, 0, 10, 10).overlaps(Box(9, 9, 20, 20))
    assert not Box(0, 0, 10, 10).overlaps(Box(10, 0, 20, 10))


def test_a_digit_knows_its_ink_and_its_label() -> None:
    digit: Digit = divided(0)["train"][0]
    assert digit.ink.shape == (8, 8)
    assert digit.ink.max() > 200
