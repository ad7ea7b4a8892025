"""What is told of the code of a letter: what it did, what comes next, and the way on where it is good for nothing."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import email, invitation, login, password
from cli.client import Problem
from cli.exits import Exit, Stop
from tests.cli.http_server import Answer, Server

OVER: Answer = (409, {}, {"type": "urn:vistory:problem:link-is-over", "detail": "this link was used already"})
UNKNOWN: Answer = (404, {}, {"type": "urn:vistory:problem:not-found", "detail": "this link was used already"})


def run(server: Server, app: Any, *words: str, tmp_path: Path, proof: bool = False) -> str:
    code, secret = tmp_path / "code", tmp_path / "secret"
    code.write_text("T0ken\n")
    secret.write_text("correct horse battery\n")
    files = ["--code-file", str(code), *(["--password-file", str(secret)] if proof else [])]
    where = ["--api", f"http://127.0.0.1:{server.server_port}"]
    done = CliRunner().invoke(app, [*words, *where, *files], catch_exceptions=False)
    assert done.exit_code == Exit.OK, done.output
    return done.stdout


@pytest.mark.parametrize(
    ("app", "words", "proof", "answer", "way_on"),
    [
        (password.app, ("reset",), True, OVER, "`vistory password forgot EMAIL` has another letter sent"),
        (email.app, ("verify",), False, OVER, "`vistory email resend EMAIL` has another letter sent"),
        (invitation.app, ("accept",), True, OVER, "ask whoever invited you to send it again"),
        (invitation.app, ("decline",), False, OVER, "ask whoever invited you to send it again"),
        (invitation.app, ("show",), False, UNKNOWN, "ask whoever invited you to send it again"),
    ],
)
def test_a_code_that_is_good_for_nothing_any_more_is_told_with_a_way_on(
    server: Server, tmp_path: Path, app: Any, words: tuple[str, ...], proof: bool, answer: Answer, way_on: str
) -> None:
    server.answers = [answer]
    with pytest.raises(Stop) as refused:
        run(server, app, *words, tmp_path=tmp_path, proof=proof)
    assert str(refused.value).startswith("this link was used already; ")
    assert str(refused.value).endswith(way_on)
    assert refused.value.exit_code == Exit.REFUSED


def test_another_refusal_is_told_as_it_is(server: Server, tmp_path: Path) -> None:
    server.answers = [(422, {}, {"type": "urn:vistory:problem:invalid", "detail": "too short"})]
    with pytest.raises(Problem, match=r"^too short$"):
        run(server, password.app, "reset", tmp_path=tmp_path, proof=True)


def test_whoever_sets_a_password_by_a_code_is_not_taken_for_whoever_is_signed_in(
    server: Server, tmp_path: Path
) -> None:
    server.answers = [(200, {}, {"id": "7"})]
    told = run(server, password.app, "reset", tmp_path=tmp_path, proof=True)
    assert "`vistory login EMAIL` next" in told
    assert "a@b.example" not in told


def test_whoever_has_verified_an_address_and_is_signed_in_nowhere_is_told_to_sign_in(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [(200, {}, {"id": "7"})] * 2
    assert run(server, email.app, "verify", tmp_path=tmp_path) == "the address is verified\n"
    monkeypatch.setenv("VISTORY_PROFILE", "ann")
    told = run(server, email.app, "verify", tmp_path=tmp_path)
    assert "the address is verified; `vistory --as ann login EMAIL" in told


def test_whoever_types_a_wrong_password_is_told_how_another_is_set(server: Server, tmp_path: Path) -> None:
    nobody = {"type": "urn:vistory:problem:unauthenticated", "detail": "no account has this address and password"}
    server.answers = [(401, {}, nobody)]
    with pytest.raises(Stop, match=r"and password; where you forgot it, `vistory password forgot a@b\.example`") as no:
        run(server, login.app, "a@b.example", tmp_path=tmp_path, proof=True)
    assert no.value.exit_code == Exit.SIGNED_OUT
