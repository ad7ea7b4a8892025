"""YOLO folders, in every order that tools write them."""

from collections import Counter

import pytest

from domain.content import Layout, Task
from domain.manifest import Annotation
from infra.formats import refuse_faults
from infra.formats.errors import ClassesMakeNoSense, FileIsHostile, FolderIsFaulty
from infra.formats.listing import File, Listing
from infra.formats.text import yaml_mapping
from infra.formats.yolo_data import Description
from tests.infra.formats.folders import Folder, first, lost, picture, read

DATA = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
BOX = "1 0.5 0.5 0.25 1\n"
FOLDER: Folder = {
    "data.yaml": DATA,
    "images/train/a.png": picture(1),
    "images/val/b.png": picture(2),
    "labels/train/a.txt": BOX,
    "labels/val/b.txt": "0 0.1 0.2 0.1 0.1\n\n1 0.5 0.5 0.5 0.5",
}


def test_classes_split_and_boxes_come_from_data_yaml_and_labels() -> None:
    reading = read(FOLDER)
    assert (reading.layout, reading.task, reading.classes) == (Layout.YOLO, Task.DETECTION, ("cat", "dog"))
    assert reading.sides == {"images/train/a.png": "train", "images/val/b.png": "val"}
    assert first(reading).annotations == (Annotation(class_=1, box=("0.500000", "0.500000", "0.250000", "1.000000")),)
    assert (first(reading).width, first(reading).height) == (40, 20)
    report = reading.report
    assert (report.images_in, report.images_out, report.boxes_in, report.boxes_out) == (2, 2, 3, 3)
    assert report.split == {"train": 1, "val": 1}
    assert [(each.name, each.source, each.annotations) for each in report.classes] == [("cat", "0", 1), ("dog", "1", 2)]


@pytest.mark.parametrize(
    "data",
    [
        "path: ../datasets/pets\ntrain: train/images\nval: valid/images\nnames: {0: cat, 1: dog}",
        "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['cat', 'dog']",
        "train: /content/pets/train/images\nval: C:\\pets\\valid\\images\nnames: [cat, dog]",
        "train: [train/images]\nval: lists/val.txt\nnames: [cat, dog]",
        "names: [cat, dog]",
    ],
)
def test_a_split_is_found_however_its_places_are_written(data: str) -> None:
    reading = read(
        {
            "pets/data.yaml": data,
            "pets/train/images/a.png": picture(1),
            "pets/train/labels/a.txt": BOX,
            "pets/valid/images/b.png": picture(2),
            "pets/valid/labels/b.txt": BOX,
            "pets/lists/val.txt": "./valid/images/b.png\n",
        }
    )
    assert reading.sides == {"pets/train/images/a.png": "train", "pets/valid/images/b.png": "val"}
    assert not reading.report.dropped


def test_flat_folders_have_no_split() -> None:
    folder: Folder = {"images/a.png": picture(1), "labels/a.txt": BOX, "classes.txt": "cat\ndog\n"}
    assert read(folder).sides is None
    assert read(folder).classes == ("cat", "dog")


def test_labels_may_lie_beside_their_images() -> None:
    reading = read({"x/a.png": picture(1), "x/a.txt": BOX, "x/classes.txt": "cat\ndog", "x/readme.txt": "hello"})
    assert [entry.annotations[0].class_ for entry in reading.entries] == [1]
    assert not reading.report.dropped


def test_classes_without_names_are_called_by_their_numbers() -> None:
    reading = read({"images/a.png": picture(1), "labels/a.txt": "10 .5 .5 .5 .5\n2 .5 .5 .5 .5"})
    assert reading.classes == ("2", "10")
    assert "no file names the classes" in reading.report.warnings[0]


def test_an_image_without_labels_is_background_and_counted() -> None:
    reading = read(FOLDER | {"images/train/empty.png": picture(3), "labels/train/empty.txt": ""})
    assert reading.report.unlabelled == 1
    assert "1 images bear no label and count as background" in reading.report.warnings


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2 .5 .5 .1 .1", "has the class '2', which is not among the 2 classes"),
        ("-1 .5 .5 .1 .1", "has the class '-1', which is no class number"),
        ("0.5 .5 .5 .1 .1", "has the class '0.5', which is no class number"),
        ("cat .5 .5 .1 .1", "has 'cat' where a number must stand"),
        ("nan .5 .5 .1 .1", "has the class 'nan', which is no class number"),
        ("1 nan .5 .1 .1", "has a coordinate that is not a number"),
        ("1 inf .5 .1 .1", "has a coordinate that is not a number"),
        ("1 1e400 .5 .1 .1", "has a coordinate that is not a number"),
        ("1 .95 .5 .2 .1", "reaches outside the image"),
        ("1 320 240 50 50", "reaches outside the image"),
        ("1 .5 .5 0 .1", "has no area"),
        ("1 .5 .5 1e-9 .1", "has no area"),
        ("1 .5 .5 -.1 .1", "has no area"),
        ("1 .5 .5 .1", "has 4 columns instead of 5 (class x y width height)"),
        ("1 .1 .1 .2 .1 .2 .2 .1 .2", "has 9 columns instead of 5 (class x y width height)"),
    ],
)
def test_a_label_that_cannot_be_used_is_left_out_and_named(line: str, reason: str) -> None:
    folder: Folder = FOLDER | {"labels/train/a.txt": f"{BOX}{line}\n"}
    reading = read(folder)
    assert lost(reading) == [("box", "images/train/a.png", f"labels/train/a.txt, line 2: {reason}")]
    assert (reading.report.boxes_in, reading.report.boxes_out) == (4, 3)
    with pytest.raises(FolderIsFaulty, match="strict") as refusal:
        refuse_faults(read(folder).report)
    assert refusal.value.report == reading.report


def test_a_box_a_little_over_the_edge_is_cut_there() -> None:
    reading = read(FOLDER | {"labels/train/a.txt": "0 0.999 0.5 0.01 0.5"})
    assert first(reading).annotations[0].box == ("0.997000", "0.500000", "0.006000", "0.500000")
    assert any("1 boxes reach a little over" in warning for warning in reading.report.warnings)


def test_an_image_none_of_whose_labels_can_be_used_is_left_out() -> None:
    reading = read(FOLDER | {"labels/train/a.txt": "7 .5 .5 .1 .1\n8 .5 .5 .1 .1"})
    ((what, path, reason),) = lost(reading)
    assert (what, path) == ("image", "images/train/a.png")
    assert "none of its labels can be used; the first (labels/train/a.txt, line 1) has the class '7'" in reason
    assert reading.report.dropped[0].boxes == 2


@pytest.mark.parametrize("label", [b"\xff\xfe\x00", b"0 .5 .5 .1 .1\x00", picture(9)])
def test_an_image_whose_label_is_not_text_is_left_out(label: bytes) -> None:
    ((what, path, reason),) = lost(read(FOLDER | {"labels/train/a.txt": label}))
    assert (what, path) == ("image", "images/train/a.png")
    assert "its label file 'labels/train/a.txt' is not text" in reason


def test_an_image_with_a_flood_of_faults_is_one_fault() -> None:
    reading = read(FOLDER | {"labels/train/a.txt": BOX + "x\n" * 15_000})
    assert [(each.what, each.boxes) for each in reading.report.dropped] == [("image", 15_001)]


def test_a_label_without_an_image_is_named() -> None:
    reading = read(FOLDER | {"labels/train/ghost.txt": BOX * 3})
    assert lost(reading) == [("name", "labels/train/ghost.txt", "belongs to no image that is there")]
    assert (reading.report.boxes_in, reading.report.boxes_out) == (6, 3)


def test_a_list_that_names_a_missing_image_is_named() -> None:
    data = "train: train.txt\nval: images/val\nnames: [cat, dog]"
    reading = read(FOLDER | {"data.yaml": data, "train.txt": "/home/me/images/train/a.png\nimages/train/ghost.png\n"})
    assert reading.sides == {"images/train/a.png": "train", "images/val/b.png": "val"}
    assert lost(reading) == [("name", "train.txt", "line 2: names 'images/train/ghost.png', which is not there")]


def test_a_long_list_of_missing_images_is_summed_up() -> None:
    data = "train: train.txt\nval: images/val\nnames: [cat, dog]"
    listed = "images/train/a.png\n" + "".join(f"images/{n}.png\n" for n in range(500))
    reading = read(FOLDER | {"data.yaml": data, "train.txt": listed})
    assert len(reading.report.dropped) == 101
    assert reading.report.dropped[-1].reason == "names 400 more images that are not there"


def test_a_side_that_only_repeats_another_is_not_used() -> None:
    reading = read(FOLDER | {"data.yaml": "train: images/train\nval: images/train\nnames: [cat, dog]"})
    assert reading.sides is None
    assert any("the val side has no images but those of other sides" in each for each in reading.report.warnings)


def test_a_side_of_the_description_that_is_missing_is_named() -> None:
    reading = read(FOLDER | {"data.yaml": DATA + "test: ../../etc/passwd"})
    assert lost(reading) == [("name", "data.yaml", "its split: names '../../etc/passwd', which is not there")]


@pytest.mark.parametrize(
    "names",
    [
        "[cat, cat]",
        "cat",
        "{cat: 0}",
        "{-1: cat}",
        "[[[cat]]]",
        '["a\\u0000b"]',
        '["\\ud800"]',
        "['']",
        "[null]",
        f"[{'x' * 300}]",
        f"[{','.join(map(str, range(3_000)))}]",
        "[0x" + "f" * 20_000 + "]",
    ],
)
def test_class_names_without_sense_refuse_the_whole(names: str) -> None:
    with pytest.raises((ClassesMakeNoSense, FileIsHostile)):
        read(FOLDER | {"data.yaml": f"names: {names}"})


@pytest.mark.parametrize(
    "data",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]",
        "names: " + "[" * 10_000,
        "names: " + "{a: " * 10_000,
        "names: [" + "x, " * 200_000 + "]",
        "names: !!python/object/apply:os.system ['true']",
        "names: [cat\n",
        "just text",
        b"\xff\xff",
        "names: [cat]" + "#" * 2_000_000,
    ],
    ids=["aliases", "deep list", "deep mapping", "many", "python object", "open", "scalar", "not text", "too large"],
)
def test_a_hostile_or_broken_description_refuses_the_whole(data: str | bytes) -> None:
    with pytest.raises(FileIsHostile, match=r"data\.yaml"):
        read(FOLDER | {"data.yaml": data})


@pytest.mark.parametrize("word", ["1" + ":1" * 20_000, "9" * 20_000, "2001-01-01", "<<"])
def test_what_only_yaml_takes_for_more_than_text_is_text(word: str) -> None:
    assert yaml_mapping("data.yaml", f"nc: {word}".encode()) == {"nc": word}


def test_a_place_that_is_named_again_and_again_is_read_once() -> None:
    def count(path: str) -> bytes:
        reads[path] += 1
        return content[path]

    reads: Counter[str] = Counter()
    folder = FOLDER | {"list.txt": "images/train/a.png\n", "data.yaml": "names: [cat, dog]"}
    content = {path: data.encode() if isinstance(data, str) else data for path, data in folder.items()}
    listing = Listing([File(path, len(data), "") for path, data in content.items()], count)
    description = Description(listing, None)
    assert description.named(["list.txt", "images/train", ".", "images"] * 1_000) == [
        "images/train/a.png",
        *listing.images,
    ]
    assert reads == {"list.txt": 1}


@pytest.mark.parametrize("label", [" " * 1_100_000, "1 .5 .5 .1 .1\n" * 21_000])
def test_labels_over_the_limit_refuse_the_whole(label: str) -> None:
    with pytest.raises(FileIsHostile, match="labels/train/a"):
        read(FOLDER | {"labels/train/a.txt": label})


def test_names_in_any_alphabet_work() -> None:
    reading = read(
        {
            "data.yaml": "names: [קו, 👩‍🔬]",
            "images/תמונה 👩‍🔬.png": picture(1),
            "labels/תמונה 👩‍🔬.txt": "1 .5 .5 .5 .5",
        }
    )
    assert first(reading).path == "images/תמונה 👩‍🔬.png"
    assert reading.classes[first(reading).annotations[0].class_] == "👩‍🔬"
