"""Pascal VOC folders."""

import pytest

from domain.content import Layout, Task
from infra.formats.errors import FileIsHostile, LayoutIsUnknown
from tests.infra.formats.folders import Folder, first, lost, picture, read, turned, voc

BOX = (10, 5, 20, 15)
FOLDER: Folder = {
    "JPEGImages/a.png": picture(1),
    "JPEGImages/b.png": picture(2),
    "Annotations/a.xml": voc(BOX),
    "Annotations/b.xml": voc(BOX, (0, 0, 40, 20), name="Big cell"),
    "ImageSets/Main/train.txt": "a\n",
    "ImageSets/Main/test.txt": "b\n",
}
LAUGHS = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><annotation>&y;</annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'


def test_classes_boxes_and_split_come_from_annotations_and_image_sets() -> None:
    reading = read(FOLDER)
    assert (reading.layout, reading.task) == (Layout.PASCAL_VOC, Task.DETECTION)
    assert reading.classes == ("Big cell", "cell")
    first, second = reading.entries
    assert first.annotations[0].box == ("0.375000", "0.500000", "0.250000", "0.500000")
    assert second.annotations[1].box == ("0.500000", "0.500000", "1.000000", "1.000000")
    assert reading.sides == {"JPEGImages/a.png": "train", "JPEGImages/b.png": "test"}


def test_annotations_may_lie_beside_their_images() -> None:
    reading = read({"x/a.png": picture(1), "x/a.xml": voc(BOX), "x/classes.txt": "dust\ncell\n"})
    assert (reading.layout, reading.classes, reading.sides) == (Layout.PASCAL_VOC, ("dust", "cell"), None)


def test_a_file_is_found_by_the_name_that_its_annotation_gives() -> None:
    annotation = voc(BOX).replace("<size>", "<filename>c.png</filename><size>")
    assert len(read(FOLDER | {"JPEGImages/c.png": picture(3), "Annotations/7.xml": annotation}).entries) == 3


def test_training_images_are_those_of_trainval_that_are_not_in_val() -> None:
    sets: Folder = {"ImageSets/Main/trainval.txt": "a\nb\n", "ImageSets/Main/val.txt": "b 1\n"}
    images: Folder = {path: data for path, data in FOLDER.items() if not path.startswith("ImageSets")}
    assert read(images | sets).sides == {"JPEGImages/a.png": "train", "JPEGImages/b.png": "val"}


def test_lists_of_single_classes_are_no_split() -> None:
    images: Folder = {path: data for path, data in FOLDER.items() if not path.startswith("ImageSets")}
    assert read(images | {"ImageSets/Main/cell_train.txt": "a 1\nb -1\n"}).sides is None


def test_an_image_in_no_list_stays_in_the_dataset_and_is_counted() -> None:
    reading = read(FOLDER | {"JPEGImages/c.png": picture(3), "Annotations/c.xml": voc(BOX)})
    assert len(reading.entries) == 3
    assert reading.sides is not None
    assert "JPEGImages/c.png" not in reading.sides
    assert "1 images are in no list of the split, so on no side" in reading.report.warnings


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((10, 5, 10, 15), "has no area"),
        ((20, 5, 10, 15), "has no area"),
        ((30, 5, 50, 15), "reaches outside the image"),
        ((-9, 5, 10, 15), "reaches outside the image"),
        (("nan", 5, 10, 15), "has a coordinate that is not a number"),
        (("left", 5, 10, 15), "has no box of four numbers, but \"['left', '5', '10', '15']\""),
        (("", 5, 10, 15), "has no box of four numbers, but \"['', '5', '10', '15']\""),
    ],
)
def test_a_box_that_cannot_be_used_is_left_out_and_named(
    box: tuple[object, object, object, object], reason: str
) -> None:
    reading = read(FOLDER | {"Annotations/a.xml": voc(BOX, box)})
    (found,) = lost(reading)
    assert found[:2] == ("box", "JPEGImages/a.png")
    assert found[2].startswith(f"Annotations/a.xml, object 2: {reason.split(',')[0]}")


def test_a_class_outside_the_list_is_left_out_and_named() -> None:
    reading = read(FOLDER | {"classes.txt": "cell\n"})
    assert "has the class 'Big cell', which is not among the 1 classes" in lost(reading)[0][2]


@pytest.mark.parametrize(
    "annotation", ["", "<annotation>", "a, b", b"\xff\xfe", b"\x89PNG", "<annotation>\x00</annotation>"]
)
def test_an_image_whose_annotation_is_no_xml_is_left_out(annotation: str | bytes) -> None:
    ((what, path, reason),) = lost(read(FOLDER | {"Annotations/a.xml": annotation}))
    assert (what, path) == ("image", "JPEGImages/a.png")
    assert "its annotation 'Annotations/a.xml' is not XML" in reason


def test_an_annotation_about_a_missing_image_is_named() -> None:
    annotation = voc(BOX).replace("<size>", "<filename>../../etc/passwd</filename><size>")
    reading = read(FOLDER | {"Annotations/ghost.xml": annotation})
    assert lost(reading) == [("name", "Annotations/ghost.xml", "is about 'passwd', which is not there")]
    assert (reading.report.boxes_in, reading.report.boxes_out) == (4, 3)


def test_a_name_in_a_list_without_an_image_is_named() -> None:
    reading = read(FOLDER | {"ImageSets/Main/test.txt": "b\nghost\n"})
    assert lost(reading) == [("name", "ImageSets/Main/test.txt", "line 2: names 'ghost', which is not there")]


def test_an_image_annotated_at_another_shape_is_left_out() -> None:
    ((what, path, reason),) = lost(read(FOLDER | {"Annotations/a.xml": voc(BOX, size=(20, 40))}))
    assert (what, path, reason) == ("image", "JPEGImages/a.png", "was annotated as 20 × 40 pixels but has 40 × 20")


def test_boxes_drawn_at_another_size_of_the_same_shape_are_scaled() -> None:
    reading = read(FOLDER | {"Annotations/a.xml": voc((20, 10, 40, 30), size=(80, 40))})
    assert first(reading).annotations[0].box == ("0.375000", "0.500000", "0.250000", "0.500000")


def test_an_image_annotated_at_a_size_that_no_image_has_is_left_out() -> None:
    annotation = voc(BOX).replace("<width>40<", f"<width>{'4' * 310}<")
    ((what, path, reason),) = lost(read(FOLDER | {"Annotations/a.xml": annotation}))
    assert (what, path) == ("image", "JPEGImages/a.png")
    assert reason == "its annotation 'Annotations/a.xml' declares a size that no image has"


def test_without_a_declared_size_the_image_itself_counts() -> None:
    assert list(read(FOLDER | {"Annotations/a.xml": voc(BOX, size=(0, 0))}).entries) == list(read(FOLDER).entries)


def test_boxes_on_a_turned_image_are_those_of_the_upright_one() -> None:
    reading = read(FOLDER | {"JPEGImages/a.png": turned(6, 20, 40)})
    assert (first(reading).width, first(reading).height) == (40, 20)
    assert any("turned by their EXIF orientation" in warning for warning in reading.report.warnings)


@pytest.mark.parametrize("annotation", [LAUGHS, OUTSIDE, "<a>" * 500_000])
def test_entities_and_annotations_over_the_limit_refuse_the_whole(annotation: str) -> None:
    with pytest.raises(FileIsHostile, match=r"Annotations/a\.xml"):
        read(FOLDER | {"Annotations/a.xml": annotation})


@pytest.mark.parametrize("annotation", ["<a>" * 100_000 + "</a>" * 100_000, "<html/>"])
def test_xml_that_is_no_annotation_leaves_its_image_out(annotation: str) -> None:
    ((what, path, reason),) = lost(read(FOLDER | {"Annotations/a.xml": annotation}))
    assert (what, path, reason) == (
        "image",
        "JPEGImages/a.png",
        "its annotation 'Annotations/a.xml' is no <annotation>",
    )


def test_annotations_in_no_folder_that_fits_are_no_layout() -> None:
    with pytest.raises(LayoutIsUnknown):
        read({"images/a.png": picture(1), "other/z.xml": voc(BOX)})
