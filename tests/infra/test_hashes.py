"""Files that are known again by their marks, and those that must not be."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from infra import folder as folders
from infra.folder import Folder
from infra.formats import File
from infra.hashes import SETTLED_AFTER, Hashed, Hashes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two files that nobody has touched for a while."""
    (tmp_path / "data").mkdir()
    for name in ("a.png", "b.png"):
        write(tmp_path / "data" / name, name.encode() * 9)
    return tmp_path / "data"


@pytest.fixture
def hashes(tmp_path: Path) -> Hashes:
    return Hashes(tmp_path / "home" / "hashes.sqlite")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    hashed = folders._hashed

    def noting(path: Path) -> Hashed:
        names.append(path.name)
        return hashed(path)

    monkeypatch.setattr(folders, "_hashed", noting)
    return names


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock shows the time at which what was written is settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + SETTLED_AFTER + 10**9)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def test_what_has_not_changed_is_read_once_and_named_the_same(root: Path, hashes: Hashes, read: list[str]) -> None:
    first = Folder(root, hashes=hashes).files
    assert sorted(read) == ["a.png", "b.png"]
    assert Folder(root, hashes=hashes).files == first
    assert len(read) == 2


def test_what_has_changed_is_read_again(root: Path, hashes: Hashes, read: list[str]) -> None:
    Folder(root, hashes=hashes)
    write(root / "a.png", b"A.png" * 9)
    files = Folder(root, hashes=hashes).files
    assert files == Folder(root).files
    assert read[2] == "a.png"
    assert read[3:] == ["a.png", "b.png"]


def test_who_sets_the_time_of_a_change_back_is_found_out(root: Path, hashes: Hashes) -> None:
    Folder(root, hashes=hashes)
    before = (root / "a.png").stat()
    write(root / "a.png", b"A.png" * 9)
    os.utime(root / "a.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / "a.png").stat().st_mtime_ns == before.st_mtime_ns
    assert Folder(root, hashes=hashes).files == Folder(root).files


def test_another_file_in_its_place_is_read(root: Path, hashes: Hashes) -> None:
    Folder(root, hashes=hashes)
    write(root.parent / "other", b"A.png" * 9)
    os.replace(root.parent / "other", root / "a.png")
    assert Folder(root, hashes=hashes).files == Folder(root).files


def test_what_changed_a_moment_ago_may_change_again_and_is_not_remembered(
    root: Path, hashes: Hashes, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert time.time_ns() - (root / "a.png").stat().st_ctime_ns < SETTLED_AFTER
    Folder(root, hashes=hashes)
    assert hashes.of(root.iterdir()).known == {}


def test_one_that_changes_while_it_is_read_is_not_remembered(root: Path, hashes: Hashes) -> None:
    remembered = hashes.of(root.iterdir())
    write(root / "a.png", b"A.png" * 9)
    remembered.note(root / "a.png", Hashed(45, "0" * 64))
    hashes.keep(remembered)
    assert hashes.of(root.iterdir()).known == {}


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + b"x" * 200])
def test_a_memory_that_is_damaged_costs_time_only(root: Path, hashes: Hashes, damage: bytes) -> None:
    Folder(root, hashes=hashes)
    hashes._file.write_bytes(damage)
    assert Folder(root, hashes=hashes).files == Folder(root).files


def test_a_memory_that_cannot_be_written_costs_time_only(root: Path) -> None:
    assert Folder(root, hashes=Hashes(Path("/proc/no/place"))).files == Folder(root).files


def test_it_is_its_owner_s_alone_and_holds_no_path(root: Path, hashes: Hashes) -> None:
    Folder(root, hashes=hashes)
    assert hashes._file.stat().st_mode & 0o777 == 0o600
    assert b"a.png" not in hashes._file.read_bytes()


def test_it_does_not_grow_without_end(root: Path, hashes: Hashes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.hashes.MOST", 3)
    for n in range(4):
        write(root / f"{n}.png", b"x")
        Folder(root, hashes=hashes)
    with sqlite3.connect(hashes._file) as kept:
        assert kept.execute("SELECT count(*) FROM files").fetchone()[0] <= 3
    assert File("0.png", 1, Folder(root).files[0].sha256) in Folder(root, hashes=hashes).files
