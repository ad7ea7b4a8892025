"""What the command line shows of a dataset."""

from inspect import signature
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.contents import after_push, how, replaced, words
from cli.dataset import app, begun, changed, left, rule, shares, split_dataset, telling
from cli.dataset import words as push_words
from cli.exits import Exit, Stop
from cli.kept import Session, keep
from domain.content import USUAL
from tests.cli.http_server import door, serving

NEW = "0198c0de-0000-7000-8000-000000000007"
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
    snapshot = {"tag": "v1", "images": 4, "taken_at": "2026-01-02T01:00:00+01:00"}
    assert words(DATASET, REPORT, SPLIT, [snapshot]).splitlines() == [
        "cells  0198",
        "revision 2: 4 images for detection, 6 annotations, 1.5 kB",
        "split (stratified, seed 3): 3 train, 1 val; 2 groups (patient-{group}_*) kept together, 1 images in none",
        "",
        "class   all images  all annotations  train images  train annotations  val images  val annotations",
        "a cell           3                6             2                  5           1                1",
        "",
        "snapshot  images  taken",
        "v1             4  2026-01-02 00:00:00 UTC",
    ]


def test_a_dataset_without_split_says_how_to_make_one_and_an_empty_one_that_it_is() -> None:
    assert "not split yet: vistory dataset split 0198" in words(DATASET, REPORT, None, ())
    assert words(DATASET, None, None, ()).splitlines()[1:] == ["no images yet"]


def test_a_split_that_came_along_says_so() -> None:
    assert how(SPLIT | {"method": "manual", "grouped": None}) == "split as it came with the data: 3 train, 1 val"


def test_what_groups_images_is_a_folder_or_a_pattern() -> None:
    assert rule(None) is None
    with pytest.raises(Stop, match="--group-by wants"):
        rule("")
    assert rule("folder") == {"by": "folder", "level": 1}
    assert rule("folder:2") == {"by": "folder", "level": 2}
    assert rule("patient-{group}_*") == {"by": "pattern", "pattern": "patient-{group}_*"}


def test_ratios_are_three_numbers() -> None:
    assert shares("0.7,0.2, 0.1") == {"train": 0.7, "val": 0.2, "test": 0.1}
    assert shares(signature(split_dataset).parameters["ratios"].default) == USUAL.model_dump()
    for word in ("0.7,0.3", "0.7 0.2 0.1", "a,b,c", ""):
        with pytest.raises(Stop, match=r"--ratios wants three numbers as in 0\.7,0\.2,0\.1") as stopped:
            shares(word)
        assert stopped.value.exit_code == Exit.USAGE


EMPTY: dict[str, Any] = {
    "id": "d", "revision": 0, "last_split": None, "root": None, "name": "cells", "images": 0, "owner_id": "me",
}  # fmt: skip
MADE = SPLIT | {"root": "r1"}
FILLED = EMPTY | {"revision": 1, "root": "r1", "images": 4, "last_split": MADE}
CAME = MADE | {"method": "manual", "grouped": None}


def test_a_split_that_takes_the_place_of_another_says_of_which() -> None:
    other = MADE | {"seed": 4, "sides": []}
    assert replaced(FILLED | {"last_split": CAME}, other) == (
        "; it replaces the split that came with the data (3 train, 1 val), which snapshots and trainings of before keep"
    )
    assert replaced(FILLED, other).startswith("; it replaces the split of before (3 train, 1 val)")
    assert replaced(FILLED, MADE | {"sides": SPLIT["sides"]}) == "", "the same once more"
    assert replaced(FILLED | {"root": "r2"}, other) == "", "of a revision that is over"
    assert replaced(EMPTY, MADE) == ""


def test_making_a_split_tells_what_it_replaces() -> None:
    made = MADE | {"seed": 4}
    with serving() as server, pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as home:
        patch.setenv("VISTORY_HOME", home)
        keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))
        server.answers = [listing(FILLED | {"id": NEW}), (200, {}, FILLED | {"id": NEW, "last_split": CAME})]
        server.answers += [(200, {}, {"id": NEW, "split": made}), (200, {}, REPORT)]
        done = CliRunner().invoke(app, ["split", "cells", "--seed", "4"], catch_exceptions=False)
    assert "it replaces the split that came with the data (3 train, 1 val)" in done.output, done.output


def test_after_a_push_that_failed_it_is_said_what_became_of_the_dataset() -> None:
    assert left(EMPTY, Stop("no"), is_sent=True) == "the dataset is empty as yet; the same command goes on with it"
    assert left(FILLED, Stop("no"), is_sent=True) == "the dataset is as it was; push again with --into d"


@pytest.mark.parametrize("code", [Exit.UNREACHABLE, Exit.INTERRUPTED])
def test_whether_it_was_committed_is_in_doubt_only_once_that_was_asked_for(code: Exit) -> None:
    assert "vistory dataset show d" in left(EMPTY, Stop("no", code), is_sent=True)
    assert left(FILLED, Stop("no", code), is_sent=False).startswith("the dataset is as it was")


def test_a_push_that_is_interrupted_ends_with_a_status_of_its_own() -> None:
    with (
        pytest.raises(Stop, match=r"^interrupted\nthe dataset is empty as yet") as stopped,
        telling(EMPTY, is_sent=False),
    ):
        raise KeyboardInterrupt
    assert stopped.value.exit_code == Exit.INTERRUPTED


def test_a_push_that_ended_early_is_gone_on_with_by_the_same_words() -> None:
    others, filled = EMPTY | {"id": "o", "owner_id": "other"}, FILLED | {"id": "f"}
    with serving() as server:
        server.answers = [listing(others, filled, EMPTY), (200, {}, {"id": "me"})]
        assert begun(door(server), "cells") == EMPTY
        server.answers = [listing(filled), (200, {}, {"id": "me"})]
        with pytest.raises(Stop, match="'cells' already, at revision 1 with 4 images; --into 'cells'"):
            begun(door(server), "cells")
        server.answers = [listing(FILLED), (201, {}, {"id": NEW}), (200, {}, EMPTY | {"id": NEW})]
        assert begun(door(server), "bones")["id"] == NEW


def listing(*items: dict[str, Any]) -> tuple[int, dict[str, str], object]:
    return (200, {}, {"items": list(items), "next": None})


def test_a_push_that_brings_nothing_new_says_so() -> None:
    again = {"dataset": "d", "revision": 1, "split": MADE, "report": {}}
    assert not changed(again, FILLED)
    assert (
        push_words(again | {"changed": False}, FILLED)
        == "dataset cells (d) has all of this already; it stays at revision 1"
    )
    assert changed(again | {"revision": 2}, FILLED)
    assert changed(again | {"split": CAME}, FILLED)


def test_after_a_push_it_is_said_what_became_of_the_split() -> None:
    assert after_push({"dataset": "d", "split": None}, EMPTY) == "not split yet: vistory dataset split cells"
    assert after_push({"dataset": "d", "split": None}, FILLED).startswith(
        "the split of revision 1 does not fit this one"
    )
    assert after_push({"dataset": "d", "split": CAME}, EMPTY).splitlines() == [
        "split as it came with the data: 3 train, 1 val",
        "`vistory train FRAMEWORK MODEL --dataset cells --project PROJECT` trains on it",
    ]
    assert after_push({"dataset": "d", "split": CAME}, FILLED).endswith(
        "it replaces the one that was made (stratified, seed 3)"
    )
