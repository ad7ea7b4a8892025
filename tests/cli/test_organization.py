"""Closing an organization at the terminal: what is asked, what is sent, and what is told."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import asking
from cli.exits import Stop
from cli.organization import app, words
from tests.cli.http_server import Server

MOMENT = "2026-11-27T03:04:05Z"
OPEN = {"name": "Acme / Vision"}
CLOSING = {"id": "0198c0de-0000-7000-8000-000000000001", "purge_at": "2026-12-27T03:04:05Z"}


def run(*words: str, typed: str = "") -> str:
    with pytest.MonkeyPatch.context() as terminal:
        terminal.setattr(asking, "attended", lambda: bool(typed))
        done = CliRunner().invoke(app, list(words), input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_its_name_the_password_and_a_code_are_asked_for_and_none_is_printed(server: Server) -> None:
    server.answers = [(200, {}, OPEN), (200, {}, {"on": True}), (200, {}, CLOSING)]
    told = run("close", typed="Acme / Vision\ncorrect horse\n123456\n")
    assert json.loads(server.body) == {"name": "Acme / Vision", "password": "correct horse", "code": "123456"}
    assert server.asked[-1][1].endswith("/organization/close")
    assert "2026-12-27" in told
    assert "`vistory organization reopen`" in told
    assert "correct horse" not in told


def test_a_script_gives_what_is_asked_for(server: Server, tmp_path: Path) -> None:
    server.answers = [(200, {}, OPEN), (200, {}, {"on": False}), (200, {}, CLOSING)]
    (tmp_path / "password").write_text("correct horse\n")
    run("close", "--confirm", "Acme / Vision", "--password-file", str(tmp_path / "password"), "--json")
    assert json.loads(server.body) == {"name": "Acme / Vision", "password": "correct horse"}


def test_another_name_is_refused_before_anything_else_is_asked(server: Server) -> None:
    server.answers = [(200, {}, OPEN)]
    with pytest.raises(Stop, match="is called 'Acme / Vision'; repeat that exactly"):
        run("close", typed="Acme\n")
    assert len(server.asked) == 1


@pytest.mark.parametrize(("closed_at", "told"), [(MOMENT, "open again"), (None, "open already")])
def test_it_is_opened_again_once(server: Server, closed_at: str | None, told: str) -> None:
    server.answers = [(200, {}, OPEN | {"closed_at": closed_at}), (200, {}, CLOSING | {"purge_at": None})]
    assert told in run("reopen")


def test_one_that_is_closed_is_shown_as_that() -> None:
    quotas = {"max_users": 5, "max_storage_gb": 5, "max_gpu_hours_per_month": 5, "second_factor_required": False}
    use = {"users": 1, "storage_gb": 0.0, "gpu_hours_this_month": 0.0}
    named = {"id": "1", "name": "Acme", "company": "Acme", "division": "V", "admission": "open", "admins": 1}
    closed = {"closed_at": MOMENT, "purge_at": "2026-12-27T03:04:05Z"}
    told = words({**named, **quotas, "use": use, **closed})
    assert "closed; it ends at 2026-12-27" in told
    opened = words({**named, **quotas, "use": use, "closed_at": None, "purge_at": None})
    assert "closed" not in opened
