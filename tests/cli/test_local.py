"""What a command for whoever keeps this machine is told, and by whom."""

import json
from pathlib import Path

import pytest

import infra.embedded
from cli.exits import Exit, Stop
from cli.kept import started
from cli.local import settings_of
from cli.mail import letter, mailbox

NARROW = "postgresql://vistory_app:x@127.0.0.1/vistory"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that `up` left, beside an environment that names an administrator."""
    (tmp_path / "run").mkdir()
    told = tmp_path / "run" / "cli.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps({"data": str(tmp_path), "database_url": NARROW}))
    monkeypatch.setattr(infra.embedded, "default_folder", lambda: tmp_path)
    monkeypatch.setenv("VISTORY_DATABASE_URL", "postgresql://admin:secret@db/postgres")
    monkeypatch.setenv("VISTORY_NATS_URL", "nats://admin:secret@bus:4222")
    return tmp_path


def test_an_administrator_whom_the_environment_names_is_never_used(data: Path) -> None:
    for folder in (None, data):
        settings = settings_of(folder)
        assert settings.need("database_url") == NARROW
        assert settings.nats_url is None


def test_the_folder_of_the_platform_that_was_started_here_is_meant_where_none_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(data / "home"))
    monkeypatch.setattr(infra.embedded, "default_folder", lambda: data / "nowhere")
    started("http://127.0.0.1:8003", data)
    assert settings_of(None).data == data
    (data / "mail").mkdir()
    assert mailbox(None).folder == data / "mail"


def test_a_letter_is_meant_by_the_beginning_of_its_number_or_by_whom_it_went_to(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    box = mailbox(tmp_path)
    for to in ("ann@b.example", "ben@b.example", "ann@b.example", "eve@b.example"):
        box.keep(f"To: {to}\n\nHello".encode())
    eve, ann, ben, old = box.letters()
    words = {"": eve, "Ann@b.example": ann, ben.number: ben, old.number[:-1]: old}
    assert {word: letter(tmp_path, word).number for word in words} == {
        word: each.number for word, each in words.items()
    }
    with pytest.raises(Stop, match="no letter 'you'; `vistory mail list`"):
        letter(tmp_path, "you")


def test_a_folder_that_nothing_was_started_on_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="start the platform first") as stopped:
        settings_of(tmp_path)
    assert stopped.value.exit_code == Exit.UNREACHABLE
