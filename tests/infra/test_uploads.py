"""What an upload names, on a real database: each path once, and not without end."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from domain.errors import Invalid
from infra import uploads
from infra.migrate import migrate
from infra.provision import APP
from infra.uploads import Upload, UploadedFile, Uploads
from tests.servers import Databases

UPLOAD, HERE, DATASET = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def room(fresh_database: Callable[[], Databases]) -> Iterator[Uploads]:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        found = Uploads(pool)
        found.begin(Upload(UPLOAD, HERE, DATASET, None))
        yield found


def file(n: int, content: int = 0) -> UploadedFile:
    return UploadedFile(f"{n:03}.png", f"{content:064x}", 10)


def test_an_upload_that_names_too_much_keeps_what_it_named_before(
    room: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 5)
    room.add(UPLOAD, map(file, range(4)))
    with pytest.raises(Invalid, match="5 files at most"):
        room.add(UPLOAD, map(file, range(2, 6)))
    assert [each.path for each in room.files(UPLOAD)] == ["000.png", "001.png", "002.png", "003.png"]


def test_a_path_that_is_named_again_counts_once(room: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 5)
    for content in range(3):
        room.add(UPLOAD, [file(n, content) for n in range(5)])
    assert list(room.files(UPLOAD)) == [file(n, 2) for n in range(5)]


def test_what_is_not_known_to_be_there_is_told_a_page_at_a_time(room: Uploads) -> None:
    room.add(UPLOAD, map(file, range(5)))
    first = room.unconfirmed(UPLOAD, most=3)
    assert first == [file(0), file(1), file(2)]
    assert room.unconfirmed(UPLOAD, first[-1].path, most=3) == [file(3), file(4)]
    assert room.unconfirmed(UPLOAD, file(4).path) == []
