"""What a command for whoever keeps this machine is told, and by whom."""

import json
from pathlib import Path

import pytest

import infra.embedded
from cli.exits import Exit, Stop
from cli.local import settings_of

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


def test_a_folder_that_nothing_was_started_on_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="start the platform first") as stopped:
        settings_of(tmp_path)
    assert stopped.value.exit_code == Exit.UNREACHABLE
