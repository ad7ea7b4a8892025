"""What somebody is told who registers, and who asks who they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.exits import Exit, Stop
from cli.register import app, welcome
from cli.whoami import words
from tests.cli.http_server import serving

MADE: dict[str, Any] = {"avatar_name": "red-fox-1", "status": "active", "role": "admin"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "there was no organization Acme / Vision: you founded it and are its first member, its admin"),
        (
            {"status": "waiting", "role": None},
            "you wait until an admin of Acme / Vision lets you in, by: vistory member approve ann@b.example ROLE",
        ),
        ({"role": "guest"}, "you are in Acme / Vision as guest"),
    ],
)
def test_which_organization_it_is_and_as_what_is_said(change: dict[str, Any], said: str) -> None:
    lines = welcome(MADE | change, "ann@b.example", "Acme / Vision").splitlines()
    assert lines[0].startswith(f"registered as red-fox-1; {said}")
    assert "`vistory email verify`" in lines[1]
    assert lines[2] == "vistory login ann@b.example"


def test_what_is_no_address_is_refused_before_anything_is_asked() -> None:
    done = CliRunner().invoke(app, ["ann"])
    assert isinstance(done.exception, Stop)
    assert (str(done.exception), done.exception.exit_code) == ("'ann' is no e-mail address", Exit.USAGE)


@pytest.mark.parametrize(("words", "sent"), [((), None), (("--language", "ko"), "ko")])
def test_whoever_registers_says_in_which_language_letters_come(
    words: tuple[str, ...], sent: str | None, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse battery\n")
    with serving() as server:
        server.answers = [(201, {}, MADE)]
        who = ("ann@b.example", "--name", "Ann", "--company", "Acme", "--division", "Vision")
        where = ("--api", f"http://127.0.0.1:{server.server_port}", "--password-file", str(password))
        done = CliRunner().invoke(app, [*who, *words, *where], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(server.body).get("language") == sent


def test_where_the_address_is_proven_first_the_letter_is_what_comes_next() -> None:
    assert "`vistory email verify`" in welcome({"status": "asked"}, "ann@b.example", "Acme / Vision")


def test_one_is_told_who_one_is() -> None:
    me: dict[str, Any] = {"full_name": "Ann", "email": "ann@b.example", "avatar_name": "red-fox-1", "role": "guest"}
    me |= {"second_factor": False, "second_factor_required": False}
    me |= {"organization": "Acme", "api": "http://x", "erasure_due_at": None, "email_verified": True}
    who = "Ann <ann@b.example>, red-fox-1 to others: "
    assert words(me) == f"{who}guest of Acme, at http://x"
    leaving = words(me | {"erasure_due_at": "2026-12-04T08:00:00Z"}).splitlines()
    assert leaving == [
        words(me),
        "your account is erased at 2026-12-04 08:00:00 UTC; `vistory person stay` cancels that",
    ]
    assert words(me | {"role": None, "organization": None}) == f"{who}waits to be let in by an admin, at http://x"
    assert words(me | {"second_factor": True}).splitlines()[1:] == ["a second factor is on"]
    asked = words(me | {"second_factor_required": True, "organization": None}).splitlines()
    assert asked[0] == f"{who}guest, at http://x"
    assert "`vistory second-factor on` comes before anything else" in asked[1]
    unverified = words(me | {"email_verified": False}).splitlines()
    assert "<ann@b.example> (not verified), " in unverified[0]
    assert "which `vistory email verify` asks for" in unverified[1]
    assert words(me, "Acme is closed").splitlines()[1:] == ["Acme is closed"]
