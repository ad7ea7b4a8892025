"""What the command line says of a folder."""

from pathlib import Path

import pytest

from cli.exits import Exit, Stop
from cli.push import batched, copies_last, folder_of, summary
from domain.content import Layout, Task
from domain.report import Dropped, Report
from infra.formats import File


def test_a_link_out_of_the_folder_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "mine" / "image.png").symlink_to(tmp_path / "secret")
    with pytest.raises(Stop, match="link out of the folder") as stopped:
        folder_of(tmp_path / "mine")
    assert stopped.value.exit_code == Exit.REFUSED


def test_files_go_in_batches_that_the_api_takes() -> None:
    files = [File(str(number), 1, "0" * 64) for number in range(5)]
    assert [len(batch) for batch in batched(files, 2)] == [2, 2, 1]


def test_of_files_with_the_same_bytes_one_goes_first() -> None:
    files = [File(path, 1, sha256) for path, sha256 in zip("abcd", "1121", strict=True)]
    assert [file.path for file in copies_last(files)] == ["a", "c", "b", "d"]


def test_what_is_left_out_is_named_with_its_reason() -> None:
    report = Report(
        layout=Layout.YOLO, task=Task.DETECTION, images_in=2, images_out=1, boxes_in=3, boxes_out=2, unlabelled=0,
        dropped=(Dropped(what="image", path="a.png", reason="is empty (0 bytes)", boxes=1),), classes=(),
        split={"train": 1}, duplicates=(), ignored=0, warnings=("one thing",),
    )  # fmt: skip
    assert summary(report.model_dump(mode="json")).splitlines() == [
        "images: 2 found, 1 taken",
        "boxes: 3 found, 2 taken",
        "left out: a.png: is empty (0 bytes)",
        "one thing",
    ]
