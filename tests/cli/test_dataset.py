"""What the command line shows of a dataset."""

from typing import Any

from cli.contents import how, words
from cli.dataset import left, rule
from cli.exits import Exit, Stop

SPLIT: dict[str, Any] = {
    "method": "stratified", "seed": 3, "train": 3, "val": 1, "test": 0,
    "grouped": {"rule": {"by": "pattern", "pattern": "patient-{group}_*"}, "groups": 2, "alone": 1},
    "sides": [
        {"side": "train", "images": 3, "classes": [{"name": "a cell", "images": 2, "annotations": 5}]},
        {"side": "val", "images": 1, "classes": [{"name": "a cell", "images": 1, "annotations": 1}]},
    ],
}  # fmt: skip
DATASET: dict[str, Any] = {
    "id": "0198", "name": "cells", "description": "", "revision": 2, "images": 4, "task": "detection",
    "annotations": 6, "bytes": 1_500,
}  # fmt: skip
REPORT = {"task": "detection", "classes": [{"name": "a cell", "images": 3, "annotations": 6}]}


def test_a_dataset_is_shown_with_the_classes_of_each_side() -> None:
    snapshot = {"tag": "v1", "images": 4, "taken_at": "2026-01-02"}
    assert words(DATASET, REPORT, SPLIT, [snapshot]).splitlines() == [
        "cells  0198",
        "revision 2: 4 images for detection, 6 annotations, 1.5 kB",
        "split (stratified, seed 3): 3 train, 1 val; 2 groups (patient-{group}_*) kept together, 1 images in none",
        "",
        "class   all images  all annotations  train images  train annotations  val images  val annotations",
        "a cell           3                6             2                  5           1                1",
        "",
        "snapshot  images  taken",
        "v1             4  2026-01-02",
    ]


def test_a_dataset_without_split_says_how_to_make_one_and_an_empty_one_that_it_is() -> None:
    assert "not split yet: vistory dataset split 0198" in words(DATASET, REPORT, None, ())
    assert words(DATASET, None, None, ()).splitlines()[1:] == ["no images yet"]


def test_a_split_that_came_along_says_so() -> None:
    assert how(SPLIT | {"method": "manual", "grouped": None}) == "split as it came with the data: 3 train, 1 val"


def test_what_groups_images_is_a_folder_or_a_pattern() -> None:
    assert rule(None) is None
    assert rule("folder") == {"by": "folder", "level": 1}
    assert rule("folder:2") == {"by": "folder", "level": 2}
    assert rule("patient-{group}_*") == {"by": "pattern", "pattern": "patient-{group}_*"}


def test_after_a_push_that_failed_it_is_said_what_became_of_the_dataset() -> None:
    assert left("d", Stop("no"), is_new=True) == "the new dataset is empty"
    assert left("d", Stop("no"), is_new=False) == "the dataset is as it was"
    for code in (Exit.UNREACHABLE, Exit.INTERRUPTED):
        assert "vistory dataset show d" in left("d", Stop("no", code), is_new=True)
