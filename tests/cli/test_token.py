"""Tokens at the terminal: shown once or kept in a file, and carried by programs in their environment alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.exits import Exit, Stop
from cli.kept import Session, keep
from cli.session import signed_in
from cli.token import app
from cli.whoami import app as whoami
from tests.cli.http_server import Server, serving

TOKEN = "vst_0aB9zZ7k_secret"
MADE = {"id": "7", "token": TOKEN, "prefix": "vst_0aB9zZ7k"}
LISTED = {
    **{"id": "0198c0de-0000-7000-8000-000000000007", "prefix": "vst_0aB9zZ7k", "name": "nightly", "owner_id": "1"},
    **{"scopes": ["read", "train"], "last_used_at": None, "expires_at": "2026-04-02T03:04:05Z", "status": "good"},
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_token_is_shown_once(server: Server) -> None:
    server.answers = [(201, {}, MADE)]
    assert run("create", "nightly", "--scope", "read", "--scope", "train").splitlines()[0] == TOKEN


def test_a_token_may_go_into_a_file_that_only_its_owner_reads(server: Server, tmp_path: Path) -> None:
    server.answers = [(201, {}, MADE)]
    file = tmp_path / "token"
    assert TOKEN not in run("create", "nightly", "--into", str(file), "--json")
    assert (file.read_text(), file.stat().st_mode & 0o777) == (TOKEN, 0o600)
    with pytest.raises(Stop, match="is there already"):
        run("create", "nightly", "--into", str(file))
    assert len(server.asked) == 1


def test_tokens_are_listed_without_what_is_secret(server: Server) -> None:
    server.answers = [(200, {}, {"items": [LISTED], "next": None})]
    assert json.loads(run("list", "--json")) == [LISTED]


@pytest.mark.parametrize("word", ["nightly", "vst_0aB9zZ7k", "0198c0de"])
def test_a_token_is_revoked_by_its_name_or_its_beginning(server: Server, word: str) -> None:
    server.answers = [(200, {}, {"items": [LISTED], "next": None}), (200, {}, {"id": LISTED["id"]})]
    run("revoke", word)
    assert server.asked[-1][1].endswith(f"/tokens/{LISTED['id']}")


def test_a_program_is_signed_in_by_its_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_TOKEN", f"{TOKEN}\n")
    server.answers = [(200, {}, {})]
    with signed_in(f"http://127.0.0.1:{server.server_port}") as api:
        api.get("/projects")
    assert server.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_what_can_be_no_token_is_said_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_TOKEN", "two words")
    with pytest.raises(Stop, match="VISTORY_TOKEN holds no token") as stopped:
        signed_in()
    assert stopped.value.exit_code == Exit.USAGE
    assert "two words" not in str(stopped.value)


@pytest.mark.parametrize(("kind", "told"), [("service", "a service account"), ("person", "a person")])
def test_a_program_is_told_what_it_carries(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: str, told: str
) -> None:
    monkeypatch.setenv("VISTORY_TOKEN", TOKEN)
    monkeypatch.setenv("VISTORY_API_URL", f"http://127.0.0.1:{server.server_port}")
    server.answers = [(200, {}, LISTED | {"owner_kind": kind, "role": "guest"})]
    said = CliRunner().invoke(whoami, catch_exceptions=False).output
    assert [path for _, path, _ in server.asked] == ["/api/v1/auth/token"]
    assert said.startswith(f"the API token nightly (vst_0aB9zZ7k) of {told} (1), guest, at ")
    assert said.endswith(": read, train, until 2026-04-02 03:04:05 UTC\n")
