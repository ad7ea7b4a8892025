"""A second factor at the terminal: what is shown, what is asked, and what is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import asking, login, password, second_factor, whoami
from cli.client import Problem
from cli.exits import Stop
from cli.kept import Session, current, keep
from cli.session import CodeIsNeeded, sign_in
from tests.cli.http_server import Answer, Server, door, serving

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OFFER = {
    "secret": SECRET,
    "uri": f"otpauth://totp/Vistory:a%40b.example?secret={SECRET}&issuer=Vistory",
    "qr": "data:image/svg+xml,…",
    "confirm_until": "2026-01-02T03:19:05Z",
}
CODES = {"recovery_codes": ["2345-6789-abcd", "bcde-fghj-kmnp"]}
PERSON = {"full_name": "Ann", "role": "guest", "second_factor": True, "second_factor_required": True}
PERSON |= {"organization_id": "1", "erasure_due_at": None}
HERE = {"id": "1", "name": "Acme", "role": "guest", "closed_at": None}
ME = {"email_verified": True}
SIGNED_IN = {"access_token": "access 2", "refresh_token": "refresh 2", "person": PERSON}
CHALLENGE = {"challenge": "signed", "expires_in": 300}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))


def run(app: Any, *words: str, typed: str = "", aside: bool = False) -> str:
    with pytest.MonkeyPatch.context() as terminal:
        terminal.setattr(asking, "attended", lambda: bool(typed))
        done = CliRunner().invoke(app, list(words), input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stderr if aside else done.stdout


def test_it_is_set_up_by_what_a_phone_scans_and_by_the_code_that_it_shows(server: Server) -> None:
    server.answers = [(200, {}, ME), (200, {}, OFFER), (200, {}, CODES)]
    told = run(second_factor.app, "on", typed="correct horse\n123456\n")
    assert "█" in told
    assert f"or type this into the app: {SECRET}" in told
    assert "correct horse" not in told
    assert told.index(SECRET) < told.index("2345-6789-abcd")
    assert [path.partition("/auth/")[2] for _, path, _ in server.asked] == [
        "me",
        "second-factor/begin",
        "second-factor/confirm",
    ]


def test_who_has_not_verified_their_address_is_told_that_a_forgotten_password_takes_it_off(server: Server) -> None:
    server.answers = [(200, {}, {"email_verified": False}), (200, {}, OFFER), (200, {}, CODES)]
    told = run(second_factor.app, "on", typed="correct horse\n123456\n", aside=True)
    assert "takes the factor off again; `vistory email verify`" in told
    server.answers = [(200, {}, {"id": "7"})]
    told = run(password.app, "reset", typed="T0ken\nlong enough 1\nlong enough 1\n")
    assert "if a second factor was on and signing in no longer asks for it, it was taken off" in told
    assert "`vistory second-factor on` sets it up again" in told


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("guest", "Acme is closed: nothing in it is open to you; `vistory organization switch NAME`"),
        ("admin", "Acme is closed; `vistory organization show` tells until when you can reopen it"),
    ],
)
def test_who_signs_in_where_it_is_closed_is_told_so(server: Server, role: str, told: str) -> None:
    there = HERE | {"role": role, "closed_at": "2026-01-02T03:04:05Z"}
    server.answers = [(200, {}, SIGNED_IN), (200, {}, [HERE | {"id": "2"}, there])]
    address = f"http://127.0.0.1:{server.server_port}"
    assert told in run(login.app, "a@b.example", "--api", address, typed="correct horse\n")
    me = PERSON | {"email": "a@b.example", "email_verified": True, "avatar_name": "red-fox-1", "erasure_due_at": None}
    server.answers = [(200, {}, me), (200, {}, [there])]
    assert told in run(whoami.app)


def test_programs_are_told_in_json(server: Server, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "code").write_text("123456\n")
    files = ("--password-file", str(tmp_path / "password"), "--code-file", str(tmp_path / "code"))
    server.answers = [(200, {}, ME), (200, {}, OFFER), (200, {}, CODES)]
    assert json.loads(run(second_factor.app, "on", *files, "--json")) == CODES
    server.answers = [(200, {}, CODES), (200, {}, {"id": "7"})]
    assert json.loads(run(second_factor.app, "codes", *files, "--json")) == CODES
    assert json.loads(run(second_factor.app, "off", *files, "--json")) == {"id": "7"}


@pytest.mark.parametrize(
    ("on", "required", "said"),
    [
        (True, False, "on; recovery codes left: 3"),
        (True, True, "on; your organization asks for it; recovery codes left: 3"),
        (False, False, "off; `vistory second-factor on` sets it up"),
        (False, True, "off; your organization asks for it; `vistory second-factor on` sets it up"),
    ],
)
def test_how_it_stands_is_said(server: Server, on: bool, required: bool, said: str) -> None:
    server.answers = [(200, {}, {"on": on, "required": required, "recovery_codes_left": 3})]
    assert run(second_factor.app, "show").strip() == said


def test_signing_in_asks_for_a_code_where_one_is_on(server: Server) -> None:
    server.answers = [(202, {}, CHALLENGE), (200, {}, SIGNED_IN), (200, {}, [HERE])]
    address = f"http://127.0.0.1:{server.server_port}"
    told = run(login.app, "a@b.example", "--api", address, typed="correct horse\n123456\n")
    assert "signed in as Ann (guest)" in told
    assert [path.partition("/auth/")[2] for _, path, _ in server.asked] == [
        "login",
        "login/second-factor",
        "me/organizations",
    ]
    assert current() == Session(address, "a@b.example", "access 2", "refresh 2")


def test_a_code_that_is_wrong_is_asked_for_again_and_one_from_a_file_is_not(server: Server, tmp_path: Path) -> None:
    wrong: Answer = (403, {}, {"type": "urn:vistory:problem:wrong-code", "detail": "this code is not right"})
    server.answers = [(202, {}, CHALLENGE), wrong, (200, {}, SIGNED_IN), (200, {}, [HERE])]
    where = ("a@b.example", "--api", f"http://127.0.0.1:{server.server_port}")
    assert "signed in as Ann" in run(login.app, *where, typed="correct horse\n000000\n123456\n")
    assert json.loads(server.body)["code"] == "123456"
    (tmp_path / "code").write_text("000000")
    server.answers = [(202, {}, CHALLENGE), wrong]
    with pytest.raises(Problem, match="this code is not right"):
        run(login.app, *where, "--code-file", str(tmp_path / "code"), typed="correct horse\n")


def test_who_lacks_what_the_organization_asks_for_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse")
    server.answers = [(200, {}, SIGNED_IN | {"person": PERSON | {"second_factor": False}}), (200, {}, [HERE])]
    address = f"http://127.0.0.1:{server.server_port}"
    told = run(login.app, "a@b.example", "--api", address, "--password-file", str(tmp_path / "password"))
    assert "`vistory second-factor on` comes before anything else" in told


def test_where_there_is_nobody_to_ask_it_is_said_what_to_do(server: Server) -> None:
    server.answers = [(202, {}, CHALLENGE)]
    with pytest.raises(CodeIsNeeded, match=r"`vistory login a@b\.example` asks for a code") as stopped:
        sign_in(door(server), "a@b.example", "correct horse")
    assert isinstance(stopped.value, Stop)
