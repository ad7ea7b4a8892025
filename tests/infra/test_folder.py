"""A folder on disk, as the command line reads it."""

import hashlib
import os
import socket
import unicodedata
from pathlib import Path

import pytest

from domain.paths import PathIsUnsafe, PathsCollide
from infra.folder import Folder, FolderCannotBeRead, FolderIsUnsafe
from infra.formats import File, read_folder
from tests.infra.formats.folders import picture


def written(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def names(folder: Folder) -> list[str]:
    return [file.path for file in folder.files]


def test_every_file_is_listed_once_with_size_and_hash_in_order_of_path(tmp_path: Path) -> None:
    folder = Folder(written(tmp_path, "b/2.png", "a.txt", "b/1.png"))
    assert names(folder) == ["a.txt", "b/1.png", "b/2.png"]
    assert folder.files[0] == File("a.txt", 5, hashlib.sha256(b"a.txt").hexdigest())
    assert folder.read("b/2.png") == b"b/2.png"


def test_hidden_files_and_leftovers_stay_where_they_are(tmp_path: Path) -> None:
    root = written(tmp_path, "a.txt", ".git/config", ".env", "b/.DS_Store", "__MACOSX/a.txt", "Thumbs.db")
    assert names(Folder(root)) == ["a.txt"]


def test_names_come_out_in_one_unicode_form(tmp_path: Path) -> None:
    folder = Folder(written(tmp_path, "cafe\u0301 👩‍🔬.png", "\u05e7\u05d5.png"))
    assert names(folder) == ["café 👩‍🔬.png", "\u05e7\u05d5.png"]
    assert unicodedata.normalize("NFC", folder.read("café 👩‍🔬.png").decode()) == "café 👩‍🔬.png"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "/etc", "nowhere/../../outside"])
def test_a_link_out_of_the_folder_refuses_the_whole(tmp_path: Path, target: str) -> None:
    root = written(tmp_path / "root", "a.txt")
    (tmp_path / "outside").write_text("secret")
    (root / "link").symlink_to(target)
    with pytest.raises(FolderIsUnsafe, match="link out of the folder"):
        Folder(root)


def test_a_link_to_a_file_inside_is_a_file_and_one_to_a_folder_is_passed_over(tmp_path: Path) -> None:
    root = written(tmp_path, "deep/a.txt")
    (root / "b.txt").symlink_to("deep/a.txt")
    (root / "loop").symlink_to(".")
    folder = Folder(root)
    assert names(folder) == ["b.txt", "deep/a.txt"]
    assert folder.read("b.txt") == b"deep/a.txt"


def test_a_link_to_nothing_inside_says_so(tmp_path: Path) -> None:
    (written(tmp_path, "a.txt") / "link").symlink_to("gone.txt")
    with pytest.raises(FolderCannotBeRead, match="No such file"):
        Folder(tmp_path)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    written(tmp_path / "real", "a.txt")
    (tmp_path / "link").symlink_to("real")
    assert names(Folder(tmp_path / "link")) == ["a.txt"]


def test_a_pipe_refuses_the_whole_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FolderIsUnsafe, match="no regular file"):
        Folder(tmp_path)


def test_a_socket_refuses_the_whole(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises((FolderIsUnsafe, FolderCannotBeRead)):
            Folder(tmp_path)


def test_names_that_are_no_text_or_hold_traps_refuse_the_whole(tmp_path: Path) -> None:
    for name in (b"\xff.png", b"a\\b.png", b"a\nb.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        Path(os.fsdecode(path)).write_bytes(b"x")
        with pytest.raises(PathIsUnsafe):
            Folder(tmp_path)
        os.unlink(path)


def test_names_that_differ_in_case_or_form_refuse_the_whole(tmp_path: Path) -> None:
    for number, (one, other) in enumerate([("a.png", "A.png"), ("caf\u00e9", "cafe\u0301")]):
        with pytest.raises(PathsCollide):
            Folder(written(tmp_path / str(number), one, other))


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", written(tmp_path, "a.txt") / "a.txt"):
        with pytest.raises(FolderCannotBeRead, match="is no folder"):
            Folder(path)


def test_progress_counts_the_files_that_are_hashed(tmp_path: Path) -> None:
    seen: list[int] = []
    Folder(written(tmp_path, "a", "b", "c"), advance=seen.append)
    assert seen == [1, 2, 3]


def test_a_folder_on_disk_is_read_by_the_same_code_as_any_other(tmp_path: Path) -> None:
    for number, name in enumerate(["train/cat/1.png", "test/dog/2.png"]):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(picture(number))
    folder = Folder(tmp_path)
    assert read_folder(folder.files, folder.read).classes == ("cat", "dog")
