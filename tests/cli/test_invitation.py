"""Invitations at the terminal: whom a command means, what is asked of the API, and who one is afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.exits import Exit, Stop
from cli.invitation import app
from cli.kept import Session, current, keep
from tests.cli.http_server import Answer, Server, serving

ID = "0198c0de-0000-7000-8000-000000000007"
SENT = {
    **{"id": ID, "email": "Dan@example.org", "type": "project", "target_name": "cells", "role": "member"},
    **{"status": "pending", "expires_at": "2026-04-02T03:04:05Z", "inviter_id": "1"},
}
PENDING: Answer = (200, {}, {"items": [SENT], "next": None})
IN = {
    "access_token": "access 2",
    "refresh_token": "refresh 2",
    "person": {"id": "2", "email": "dan@example.org", "role": "guest"},
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def api(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))


@pytest.fixture
def signed_in(api: str) -> None:
    keep(Session(api, "a@b.example", "access 1", "refresh 1"))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    code, password = tmp_path / "code", tmp_path / "password"
    code.write_text(" T0ken\n")
    password.write_text("correct horse battery\n")
    return ["--code-file", str(code), "--password-file", str(password)]


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("signed_in")
def test_somebody_is_asked_in_by_address(server: Server) -> None:
    server.answers = [(201, {}, {"id": ID})]
    assert "dan@example.org" in run("send", "dan@example.org", "--role", "engineer_i", "--days", "3")


@pytest.mark.usefixtures("signed_in")
def test_what_was_sent_is_listed(server: Server) -> None:
    server.answers = [PENDING]
    assert json.loads(run("list", "--json")) == [SENT]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("word", [ID, "0198c0de", "dan@EXAMPLE.org"])
def test_one_is_meant_by_its_id_its_beginning_or_its_address(server: Server, word: str) -> None:
    server.answers = [*([] if word == ID else [PENDING]), (200, {}, {"id": ID})]
    assert ID[:13] in run("cancel", word)


@pytest.mark.usefixtures("signed_in")
def test_one_that_is_not_pending_is_not_guessed(server: Server) -> None:
    server.answers = [PENDING]
    with pytest.raises(Stop, match="none of your pending invitations"):
        run("cancel", "eve@example.org")


@pytest.mark.usefixtures("signed_in")
def test_whoever_is_signed_in_accepts_and_goes_on_there(server: Server, files: list[str]) -> None:
    server.answers = [(200, {}, {**IN, "refresh_token": None})]
    run("accept", *files[:2])
    session = current()
    assert session is not None
    assert (session.token, session.refresh_token) == ("access 2", "refresh 1")


def test_a_newcomer_accepts_and_is_signed_in(server: Server, api: str, files: list[str]) -> None:
    server.answers = [(200, {}, IN)]
    out = run("accept", "--name", "Dan", "--api", api, *files)
    assert "guest" in out
    assert not any(secret in out for secret in ("access 2", "refresh 2", "T0ken"))
    assert current() == Session(api, "dan@example.org", "access 2", "refresh 2")


def test_a_newcomer_says_in_which_language_letters_come(server: Server, api: str, files: list[str]) -> None:
    server.answers = [(200, {}, IN)]
    run("accept", "--name", "Dan", "--language", "ko", "--api", api, *files)
    assert json.loads(server.body)["language"] == "ko"
    with pytest.raises(Stop, match="vistory person language"):
        run("accept", "--language", "ko", "--api", api, *files)


def test_who_has_no_account_is_told_how_somebody_new_accepts(server: Server, api: str, files: list[str]) -> None:
    server.answers = [(401, {}, {"detail": "with full_name beside it, you register"})]
    with pytest.raises(
        Stop, match=r"password; new here\? `vistory invitation accept --name NAME`; `vistory password"
    ) as refused:
        run("accept", "--api", api, *files)
    assert refused.value.exit_code == Exit.SIGNED_OUT


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("words", "role"),
    [((), "guest"), (("--project", ID), "member"), (("--dataset", ID), "viewer"), (("--role", "manager"), "manager")],
)
def test_as_what_somebody_is_asked_in_is_told(server: Server, words: tuple[str, ...], role: str) -> None:
    server.answers = [(201, {}, {"id": ID})]
    assert f"a letter asks dan@example.org in as {role}; " in run("send", "dan@example.org", *words)


def test_a_code_is_enough_to_see_and_to_decline(server: Server, api: str, files: list[str]) -> None:
    told: dict[str, Any] = {"inviter": "Ann", "organization": "Acme", "type": "project", "target": "cells"}
    told |= {"role": "member", "for_anyone": False}
    server.answers = [(200, {}, told), (200, {}, told | {"for_anyone": True}), (200, {}, {"id": ID})]
    assert run("show", "--api", api, *files[:2]) == "Ann invites you to project cells of Acme as member\n"
    assert "as member; anyone who has the code may accept" in run("show", "--api", api, *files[:2])
    assert "declined" in run("decline", "--api", api, *files[:2])
    asked = [(method, path.rpartition("/")[2]) for method, path, _ in server.asked]
    assert asked == [("POST", "info"), ("POST", "info"), ("POST", "decline")]
    assert json.loads(server.body) == {"token": "T0ken"}
