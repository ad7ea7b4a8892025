"""What is deleted is in no file of the embedded servers any more."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from infra.embedded.objects import vacuum
from infra.objects import s3_store
from infra.scrub import scrub
from tests.servers import Databases, Servers


def test_no_file_holds_what_was_deleted_from_the_store(
    servers: Servers, fresh_database: Callable[[], Databases]
) -> None:
    data = servers.stack.folder.path
    settings = servers.settings("api", fresh_database()).model_copy(update={"data": data})
    word, kept = token_hex(30).encode(), token_hex(30).encode()
    store = s3_store(settings)
    store.put("persons/somebody/export.json", word)
    store.put("persons/somebody-else/export.json", kept)
    store.delete(["persons/somebody/export.json"])
    assert files_with(data, word), "else this test would show nothing"
    scrub(settings)
    assert files_with(data, word) == []
    assert bytes(store.get("persons/somebody-else/export.json").bytes()) == kept


def files_with(folder: Path, word: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and word in file.read_bytes()]


def test_a_folder_on_which_no_store_runs_has_nothing_to_be_vacuumed(tmp_path: Path) -> None:
    assert not vacuum(tmp_path)
