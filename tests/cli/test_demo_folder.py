"""The demo empties a folder at its start, so it must be sure whose it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo import MARK, empty, look_at, must_be_alone
from cli.exits import Stop
from infra.embedded.folder import AlreadyRunning, DataFolder, UnusableFolder
from tests.servers import data_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder / "demo"


def test_a_folder_that_no_demo_made_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(Stop, match="no demo made it"):
        empty(folder)
    assert (folder / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VISTORY_DATABASE_URL", "postgresql://admin:s3cret@db/postgres"),
        ("VISTORY_NATS_URL", "nats://admin:s3cret@bus"),
        ("VISTORY_S3_URL", "https://objects"),
        ("VISTORY_MAIL_HOST", "mail.example"),
    ],
)
def test_servers_that_somebody_works_with_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Stop, match=f"unset what names others first: {name}") as told:
        must_be_alone()
    assert "s3cret" not in str(told.value)


def test_what_an_earlier_demo_left_is_gone(folder: Path) -> None:
    empty(folder)
    (folder / "logs" / "relay.log").write_text("old")
    empty(folder)
    assert (folder / MARK).exists()
    assert not list((folder / "logs").iterdir())


def test_a_folder_on_which_a_stack_runs_is_not_emptied(folder: Path) -> None:
    empty(folder)
    running = DataFolder(folder)
    running.lock()
    try:
        with pytest.raises(AlreadyRunning):
            empty(folder)
    finally:
        running.unlock()
    assert (folder / MARK).exists()


def test_a_folder_of_ones_own_is_looked_at_before_anything_is_emptied(folder: Path) -> None:
    empty(folder)
    own = folder / "demo" / "digits"
    own.mkdir(parents=True)
    with pytest.raises(Stop, match="which is emptied first"):
        look_at(own, folder)
    with pytest.raises(Stop, match="no image"):
        look_at(folder / "demo", folder.parent / "other")


def test_a_place_where_nothing_can_be_made_is_no_data_folder(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(UnusableFolder, match=f"^{folder}/postgres: .*name another data folder"):
        DataFolder(folder).make()
