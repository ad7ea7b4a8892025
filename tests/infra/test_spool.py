import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from infra.spool import LARGEST_BATCH, Spool


def test_points_are_numbered_from_one_without_gaps(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "points")) as spool:
        assert [spool.append("log", {"line": word}) for word in ("a", "b", "ç\n")] == [1, 2, 3]
        assert [(point["n"], point["line"]) for point in spool.read(1)] == [(2, "b"), (3, "ç\n")]
        assert spool.read(3) == []


def test_a_spool_that_is_opened_again_goes_on_where_it_was(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "points")) as spool:
        spool.append("log", {"line": "a"})
    with closing(Spool(tmp_path / "points")) as again:
        assert again.last == 1
        assert again.append("log", {"line": "b"}) == 2


def test_what_a_crash_cut_off_is_dropped_and_its_number_given_anew(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "points")) as spool:
        for word in "abc":
            spool.append("log", {"line": word})
    data = (tmp_path / "points").read_bytes()
    for cut in range(1, 20):
        (tmp_path / "points").write_bytes(data[:-cut])
        with closing(Spool(tmp_path / "points")) as again:
            assert again.append("log", {"line": "new"}) == 3
            assert [point["n"] for point in again.read(0)] == [1, 2, 3]


def test_what_a_full_disk_cut_off_is_no_point_and_its_number_given_anew(tmp_path: Path) -> None:
    file = tmp_path / "spool"
    with closing(Spool(file)) as spool:
        spool.append("log", {"line": "one"})
        with room_for(file.stat().st_size + 20), pytest.raises(OSError, match="No space left"):
            spool.append("log", {"line": "two"})
        with room_for(file.stat().st_size), pytest.raises(OSError, match="too large"):
            spool.append("log", {"line": "two"})
        assert spool.append("log", {"line": "two"}) == 2
        assert [point["line"] for point in spool.read(0)] == ["one", "two"]
    with closing(Spool(file)) as again:
        assert again.last == 2


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """As on a disk that fills up, a file takes what fits of a line, and then nothing."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_batch_is_bounded_in_bytes_and_always_moves_on(tmp_path: Path) -> None:
    seen: list[int] = []
    with closing(Spool(tmp_path / "points")) as spool:
        for _ in range(20):
            spool.append("log", {"line": "x" * (LARGEST_BATCH // 3)})
        spool.append("log", {"line": "y" * LARGEST_BATCH * 2})
        while points := spool.read(len(seen)):
            assert len(points) == 1 or sum(len(point["line"]) for point in points) <= LARGEST_BATCH
            seen += [point["n"] for point in points]
    assert seen == list(range(1, 22))
