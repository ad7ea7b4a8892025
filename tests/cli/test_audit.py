"""What the command line asks of the audit log, and how it shows an entry."""

import json
from pathlib import Path

import pytest

from cli.audit import audit, sentence
from cli.exits import Exit, Stop
from tests.cli.http_server import serving


def test_an_entry_says_when_in_which_zone() -> None:
    line = {"recorded_at": "2026-01-02T01:00:00.5+01:00", "sentence": "Ann signed in"}
    assert sentence(line) == "2026-01-02 00:00:00 UTC  Ann signed in"


def test_a_project_without_a_name_is_not_the_whole_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path))
    with serving() as server:
        session = {"api": f"http://127.0.0.1:{server.server_port}", "email": "a@b.example", "token": "x"}
        (tmp_path / "session.json").write_text(json.dumps(session))
        with pytest.raises(Stop, match="name a project") as stopped:
            audit(project="", limit=1)
        assert server.asked == []
    assert stopped.value.exit_code == Exit.USAGE
