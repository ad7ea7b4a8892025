"""Service accounts at the terminal: by their names, and their tokens shown once or kept in a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.service_account import app
from tests.cli.http_server import Server
from tests.cli.test_token import LISTED as TOKEN
from tests.cli.test_token import MADE

EXPORTER = {
    **{"id": "0198c0de-0000-7000-8000-000000000091", "name": "exporter", "role": "engineer_i", "status": "active"},
    **{"last_used_at": None, "created_at": "2026-01-02T03:04:05Z"},
}
PAGE: tuple[int, dict[str, str], Any] = (200, {}, {"items": [EXPORTER], "next": None})
NONE: tuple[int, dict[str, str], Any] = (200, {}, {"items": [], "next": None})
DONE: tuple[int, dict[str, str], Any] = (200, {}, {"id": EXPORTER["id"]})
PLACE = f"/service-accounts/{EXPORTER['id']}"


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_it_is_made_with_a_role_and_its_next_step_is_told(server: Server) -> None:
    server.answers = [NONE, (201, {}, {"id": EXPORTER["id"]})]
    assert "vistory service-account token exporter NAME" in run("create", "exporter", "--role", "engineer_i")


def test_of_one_name_there_is_one(server: Server) -> None:
    server.answers = [PAGE]
    CliRunner().invoke(app, ["create", "exporter"])
    assert [asked[0] for asked in server.asked] == ["GET"]


def test_they_are_listed(server: Server) -> None:
    server.answers = [PAGE]
    assert json.loads(run("list", "--json")) == [EXPORTER]
    server.answers = [PAGE]
    assert "never" in run("list")


@pytest.mark.parametrize(
    ("words", "method", "place"),
    [
        (("rename", "exporter", "other"), "PATCH", PLACE),
        (("role", "exporter", "guest"), "PATCH", f"{PLACE}/role"),
        (("disable", "exporter"), "POST", f"{PLACE}/disable"),
        (("enable", "0198c0de"), "POST", f"{PLACE}/enable"),
        (("delete", "exporter"), "DELETE", PLACE),
        (("subscribe", "exporter", "--since", "now"), "POST", f"{PLACE}/subscription"),
        (("unsubscribe", "exporter"), "DELETE", f"{PLACE}/subscription"),
    ],
)
def test_one_is_meant_by_its_name_or_the_beginning_of_its_id(
    server: Server, words: tuple[str, ...], method: str, place: str
) -> None:
    server.answers = [PAGE, DONE]
    run(*words)
    assert (server.asked[-1][0], server.asked[-1][1].endswith(place)) == (method, True)


def test_its_token_may_go_into_a_file_that_only_its_owner_reads(server: Server, tmp_path: Path) -> None:
    server.answers = [PAGE, (201, {}, dict(MADE))]
    file = tmp_path / "token"
    assert MADE["token"] not in run("token", "exporter", "hourly", "--scope", "audit", "--into", str(file))
    assert (file.read_text(), file.stat().st_mode & 0o777) == (MADE["token"], 0o600)


def test_its_tokens_are_listed_and_revoked_by_name(server: Server) -> None:
    page: tuple[int, dict[str, str], Any] = (200, {}, {"items": [TOKEN], "next": None})
    server.answers = [PAGE, page]
    assert json.loads(run("tokens", "exporter", "--json")) == [TOKEN]
    server.answers = [PAGE, page, DONE]
    run("revoke", "exporter", "nightly")
    assert server.asked[-1][1].endswith(f"{PLACE}/tokens/{TOKEN['id']}")


def test_where_it_fetches_is_told(server: Server) -> None:
    place = {"server": "nats://127.0.0.1:4222", "consumer": "subscriber-1", "position": 7}
    server.answers = [PAGE, (200, {}, place)]
    told = run("subscription", "exporter")
    assert told.splitlines() == ["server    nats://127.0.0.1:4222", "consumer  subscriber-1", "position  7"]
