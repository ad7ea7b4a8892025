"""What holds for every layout."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import revision
from domain.errors import Invalid
from domain.paths import PathIsUnsafe, PathsCollide
from domain.report import Report
from infra.formats import File, ImageFacts, refuse_faults
from infra.formats.errors import FolderHasNoImages, FolderIsFaulty, LayoutIsUnknown
from tests.infra.formats.folders import Folder, declared, first, lost, picture, read, voc

FOLDER: Folder = {"cat/1.png": picture(1), "dog/2.png": picture(2)}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"not an image", "is not an image"),
        (picture(3, 300, 200)[:400], "cannot be decoded"),
        (picture(3, 300, 200, "JPEG")[:-40], "cannot be decoded"),
        (picture(3, 300, 200, "JPEG", progressive=True)[:-40], "cannot be decoded"),
        (declared(60_000, 60_000), "declares more than"),
    ],
)
def test_an_image_that_cannot_be_used_is_left_out_and_named(data: bytes, reason: str) -> None:
    reading = read(FOLDER | {"cat/bad.png": data})
    ((what, path, found),) = lost(reading)
    assert (what, path) == ("image", "cat/bad.png")
    assert found.startswith(reason)
    assert (reading.report.images_in, reading.report.images_out) == (3, 2)
    with pytest.raises(FolderIsFaulty, match="cat/bad"):
        refuse_faults(reading.report)


def test_a_folder_without_a_usable_image_is_refused_with_its_report() -> None:
    with pytest.raises(FolderIsFaulty, match="none of the 1 images can be used") as refusal:
        read({"cat/1.png": b""})
    assert refusal.value.report.images_out == 0


@pytest.mark.parametrize("folder", [{}, {"readme.md": "hello"}, {".hidden/a.png": picture(1)}])
def test_a_folder_without_images_is_refused(folder: Folder) -> None:
    with pytest.raises(FolderHasNoImages):
        read(folder)


@pytest.mark.parametrize(
    "folder",
    [
        {"a.png": picture(1)},
        {"images/a.png": picture(1), "images/b.png": picture(2)},
        {"a.png": picture(1), "annotations/instances.json": "{}"},
    ],
)
def test_an_unknown_layout_is_refused_and_says_what_was_seen(folder: Folder) -> None:
    with pytest.raises(LayoutIsUnknown, match=r"seen: \d × \.png"):
        read(folder)


@pytest.mark.parametrize(
    "path",
    [
        "../a.png",
        "cat/../../a.png",
        "/etc/a.png",
        "C:/a.png",
        "cat\\a.png",
        "..\\a.png",
        "cat/a\x00.png",
        "cat//a.png",
        "cat/./a.png",
        f"cat/{'x' * 300}.png",
        f"{'long/' * 300}a.png",
        "cat/a\n.png",
        "cat/\udc80.png",
        "",
    ],
)
def test_a_hostile_name_refuses_the_whole(path: str) -> None:
    with pytest.raises(PathIsUnsafe):
        read(FOLDER | {path: picture(3)})


@pytest.mark.parametrize("path", ["CAT/1.PNG", "dog/2.PNG", "Dog/2.png"])
def test_two_files_whose_names_differ_in_case_refuse_the_whole(path: str) -> None:
    with pytest.raises(PathsCollide):
        read(FOLDER | {path: picture(3)})


def test_two_files_whose_names_differ_in_unicode_form_refuse_the_whole() -> None:
    with pytest.raises(PathsCollide):
        read({"cat/caf\u00e9.png": picture(1), "cat/cafe\u0301.png": picture(2)})


def test_names_come_out_in_one_unicode_form_and_are_read_under_their_own() -> None:
    reading = read({"cat/cafe\u0301.png": picture(1), "dog/2.png": picture(2)})
    assert first(reading).path == "cat/caf\u00e9.png"


def test_hidden_files_and_leftovers_are_ignored_and_counted() -> None:
    reading = read(FOLDER | {".DS_Store": b"x", "__MACOSX/cat/1.png": b"x", "cat/Thumbs.db": b"x"})
    assert reading.report.ignored == 3
    assert not reading.report.dropped


def test_exact_copies_are_named_and_those_on_two_sides_are_warned_of() -> None:
    reading = read({"train/cat/1.png": picture(1), "train/dog/2.png": picture(2), "val/dog/3.png": picture(1)})
    assert reading.report.duplicates == (("train/cat/1.png", "val/dog/3.png"),)
    assert "1 images have copies on another side, which flatters the figures" in reading.report.warnings
    assert "1 images have copies with other labels" in reading.report.warnings


def test_facts_that_are_known_already_spare_the_look() -> None:
    asked: list[str] = []

    def facts(file: File) -> ImageFacts:
        asked.append(file.path)
        return ImageFacts(width=10, height=10)

    assert first(read(FOLDER, facts=facts)).width == 10
    assert sorted(asked) == sorted(FOLDER)


def test_what_comes_next_is_told_ahead_some_hundred_at_a_time() -> None:
    told: list[list[str]] = []

    def facts(file: File) -> ImageFacts:
        assert file.path in told[-1]
        return ImageFacts(width=10, height=10)

    folder: Folder = {f"images/{number:04}.png": b"x" for number in range(1_200)}
    labels: Folder = {f"labels/{number:04}.txt": "0 .5 .5 .5 .5" for number in range(1_200)}
    reading = read(folder | labels, facts=facts, ahead=lambda files: told.append([file.path for file in files]))
    assert len(reading.entries) == 1_200
    assert sorted(path for paths in told for path in paths) == sorted(folder | labels)
    assert len(told) == 3


def test_tiny_images_are_worth_a_warning_and_useless_for_detection() -> None:
    reading = read(FOLDER | {"cat/3.png": picture(3, 9, 20)})
    assert any("fewer than 10 pixels on a side" in warning for warning in reading.report.warnings)
    reading = read({"images/a.png": picture(1), "images/b.png": picture(2, 9, 20), "labels/b.txt": "0 .5 .5 .5 .5"})
    ((what, path, reason),) = lost(reading)
    assert (what, path) == ("image", "images/b.png")
    assert reason.startswith("has 9 × 20 pixels, too few")


def test_a_report_cannot_lose_anything_in_silence() -> None:
    report = read(FOLDER).report.model_dump()
    with pytest.raises(ValueError, match="named as left out"):
        Report(**report | {"images_in": 3})
    assert json.loads(read(FOLDER).report.canonical())["images_out"] == 2


lines = st.lists(
    st.text(max_size=20) | st.sampled_from(["0 .5 .5 .1 .1", "1 .2 .2 .1 .1", "9 .1 .1 .1 .1"]), max_size=6
)
labels = lines.map("\n".join).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60)
whole = st.just(picture(1)) | st.binary(max_size=40) | st.just(voc((1, 1, 9, 9)).encode())
paths = st.sampled_from(
    [
        "data.yaml",
        "classes.txt",
        "train.txt",
        "images/train/a.png",
        "labels/train/a.txt",
        "images/val/b.png",
        "labels/val/b.txt",
        "Annotations/a.xml",
        "JPEGImages/a.png",
        "ImageSets/Main/train.txt",
        "train/cat/a.png",
        "val/dog/b.png",
        "a.xml",
        "a.png",
        "a.txt",
    ]
)


@given(st.dictionaries(paths, labels | whole | st.just(b"train: images/train\nval: images/val\nnames: [a, b]")))
def test_whatever_a_folder_holds_it_is_read_with_a_full_account_or_refused(folder: dict[str, bytes]) -> None:
    try:
        reading = read(folder)
    except Invalid:
        return
    assert reading.report.images_out == len(reading.entries)
    revision.build(reading.entries, reading.classes, lambda name, data: None)
    reading.report.canonical()
