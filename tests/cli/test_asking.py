"""What a command asks: at a terminal it is asked, and a script is told by which option it gives it."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.kept import Session, keep
from tests.cli.http_server import Server, serving

MAIN = [sys.executable, "-c", "import cli; cli.main()"]
PERSON = {"full_name": "Ann", "role": "guest", "second_factor": False, "second_factor_required": False}
PERSON |= {"organization_id": "1", "erasure_due_at": None}
SIGNED_IN = {"access_token": "access", "refresh_token": "refresh", "person": PERSON}
FOUND = {"id": "0198c0de-0000-7000-8000-000000000091", "name": "cells"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access"))


def given(*words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*MAIN, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "lacks", "option"),
    [
        ("login a@b.example", "the password", "--password-file FILE (- is standard input)"),
        ("register a@b.example", "your name", "--name NAME"),
        ("register a@b.example --name A --company B --division C", "the password", "--password-file FILE"),
        ("password reset", "the code from the mail", "--code-file FILE"),
        ("email verify", "the code from the mail", "--code-file FILE"),
        ("email change a@b.example", "the password", "--password-file FILE"),
        ("second-factor on", "the password", "--password-file FILE"),
        ("invitation accept", "the code from the mail", "--code-file FILE"),
        ("project purge 0198c0de-0000-7000-8000-000000000091", "the project's name", "--confirm NAME"),
        ("organization close", "the organization's name", "--confirm NAME"),
    ],
)
def test_where_there_is_no_terminal_one_line_says_what_to_give(
    server: Server, words: str, lacks: str, option: str
) -> None:
    server.answers = [(200, {}, FOUND)] * 2
    done = given(*words.split())
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith(f"vistory: there is no terminal to ask for {lacks}: give {option}"), done.stderr
    assert (done.stderr.count("\n"), done.stdout) == (1, "")


def test_a_script_gives_password_and_code_line_by_line(server: Server) -> None:
    server.answers = [(202, {}, {"challenge": "signed", "expires_in": 300}), (200, {}, SIGNED_IN), (200, {}, [])]
    done = given("login", "a@b.example", "--password-file", "-", "--code-file", "-", stdin="correct horse\n123456\n")
    assert done.stdout.startswith("signed in as Ann (guest)")
    assert json.loads(server.body)["code"] == "123456"


def test_an_empty_pipe_gives_no_password() -> None:
    done = given("login", "a@b.example", "--password-file", "-")
    assert (done.returncode, done.stderr) == (1, "vistory: standard input holds no password: it is empty\n")


def test_at_a_terminal_it_is_asked_beside_what_is_printed(server: Server) -> None:
    server.answers = [(200, {}, SIGNED_IN), (200, {}, [])]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*MAIN, "login", "a@b.example", "--json"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
    )
    asked = b""  # its last blank comes once what was typed before is thrown away
    while b"Password: " not in asked:
        asked += os.read(ours, 1024)
    os.write(ours, b"correct horse\n")
    out, _ = process.communicate(timeout=60)
    assert json.loads(out) == PERSON
    assert json.loads(server.body)["password"] == "correct horse"
