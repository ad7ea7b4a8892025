"""Where a sign-in is kept."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cli import kept, patience
from cli.client import Unreachable
from cli.exits import Exit, Stop
from cli.kept import Seen, Session, current, keep, place, started, usual_api, usual_folder
from cli.login import app as login
from cli.logout import app, logout
from cli.session import address_of, signed_in
from infra.embedded import default_folder
from tests.cli.http_server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_only_its_owner_can_read_a_kept_token(home: Path) -> None:
    file = keep(Session("http://127.0.0.1:8000", "a@b.example", "secret"))
    assert file.parent == home
    assert file.stat().st_mode & 0o777 == 0o600
    assert current() == Session("http://127.0.0.1:8000", "a@b.example", "secret")


def test_who_never_signed_in_is_told_to() -> None:
    with pytest.raises(Stop, match="vistory login") as stopped:
        signed_in()
    assert stopped.value.exit_code == Exit.SIGNED_OUT


def test_a_token_is_never_sent_to_another_address() -> None:
    keep(Session("http://127.0.0.1:8000", "a@b.example", "secret"))
    with pytest.raises(Stop, match="nobody is signed in"):
        signed_in("http://evil.example")


def test_a_trailing_slash_is_the_same_address() -> None:
    keep(Session("http://127.0.0.1:8000", "a@b.example", "secret"))
    signed_in("http://127.0.0.1:8000/").close()


def test_each_person_at_a_machine_has_a_sign_in_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = (Session("http://127.0.0.1:8000", name, "x") for name in ("me@b.example", "ann@b.example"))
    keep(mine)
    monkeypatch.setenv("VISTORY_PROFILE", "ann@b.example")
    with pytest.raises(Stop, match=r"ann@b\.example is not signed in"):
        signed_in()
    keep(other)
    assert current() == other
    monkeypatch.setattr(patience, "PAUSES", ())
    with pytest.raises(Unreachable):
        logout()
    assert current() is None, "nothing answers, and the tokens are forgotten all the same"
    logout()
    monkeypatch.delenv("VISTORY_PROFILE")
    assert current() == mine


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".", "a\x00b"])
def test_a_person_is_kept_apart_by_a_plain_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "os", SimpleNamespace(environ={"VISTORY_PROFILE": name}))
    with pytest.raises(Stop, match="letters, digits") as stopped:
        place()
    assert stopped.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"null", b'{"api": "x"}'])
def test_a_damaged_sign_in_is_told_to_be_made_again(content: bytes, home: Path) -> None:
    home.mkdir()
    (home / "session.json").write_bytes(content)
    with pytest.raises(Stop, match=r"session\.json is damaged.*vistory login") as stopped:
        current()
    assert stopped.value.exit_code == Exit.SIGNED_OUT


def test_a_file_where_the_folder_should_be_holds_no_sign_in(home: Path) -> None:
    home.write_text("not a folder")
    assert current() is None


def pair(number: int) -> dict[str, object]:
    return {"access_token": f"access {number}", "refresh_token": f"refresh {number}", "expires_in": 900}


def test_a_token_that_has_run_out_is_renewed_and_kept_and_the_command_is_done(server: Server) -> None:
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1", "refresh 1"))
    server.answers = [(401, {}, {}), (200, {}, pair(2)), (201, {}, {"id": "7"}), (200, {}, {})]
    with signed_in() as api:
        assert api.post("/projects", name="x") == {"id": "7"}
        api.get("/projects")
    assert [path.rpartition("/")[2] for _, path, _ in server.asked] == ["projects", "refresh", "projects", "projects"]
    assert [headers.get("Authorization") for _, _, headers in server.asked] == [
        "Bearer access 1",
        None,
        "Bearer access 2",
        "Bearer access 2",
    ]
    first, _, second, _ = server.asked
    assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"]
    assert current() == Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 2", "refresh 2")


def test_of_two_commands_at_once_one_goes_on_and_the_other_takes_what_it_got(server: Server) -> None:
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1", "refresh 1"))
    server.answers = [(200, {}, pair(2))]
    with signed_in() as one, signed_in() as other:
        assert one.goes_on()
        assert other.goes_on()
        assert one.token == other.token == "access 2"
    assert len(server.asked) == 1


def test_a_session_that_is_over_is_told_and_not_asked_for_again(server: Server) -> None:
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1", "refresh 1"))
    server.answers = [(401, {}, {}), (401, {}, {"detail": "this session has ended; sign in again"})]
    with (
        signed_in() as api,
        pytest.raises(Stop, match=r"sign in again: `vistory login a@b\.example`") as stopped,
    ):
        api.get("/projects")
    assert stopped.value.exit_code == Exit.SIGNED_OUT
    assert len(server.asked) == 2


def test_who_is_signed_in_at_a_platform_that_is_another_one_by_now_is_told_so(server: Server) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    keep(Session(address, "a@b.example", "access 1", "refresh 1"))
    given_elsewhere = {"type": "urn:vistory:problem:not-given-here", "detail": "this is no refresh token"}
    server.answers = [(401, {}, {}), (401, {}, given_elsewhere)]
    with signed_in() as api, pytest.raises(Stop) as stopped:
        api.get("/projects")
    assert str(stopped.value) == (
        f"you are signed in at another platform than the one that answers at {address} now; "
        "sign in here: `vistory login a@b.example`"
    )
    assert stopped.value.exit_code == Exit.SIGNED_OUT


def test_who_signs_in_forgets_what_was_seen_of_another_platform_at_this_address(server: Server, home: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    Seen(address).reach("other:9")
    home.joinpath("password").write_text("correct horse")
    person: dict[str, object] = {"full_name": "Ann", "role": "guest", "organization_id": "1"}
    person |= {"second_factor": False, "second_factor_required": False, "erasure_due_at": "2026-01-09T12:00:00Z"}
    answer = {"access_token": "access", "refresh_token": "refresh", "person": person}
    server.answers = [(200, {"Vistory-Position": "ledger:7"}, answer), (200, {}, [])]
    words = ["a@b.example", "--api", address, "--password-file", str(home / "password")]
    done = CliRunner().invoke(login, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert Seen(address).position() == "ledger:7"
    assert "your account is erased at 2026-01-09 12:00:00 UTC" in done.output


@pytest.mark.parametrize("status", [200, 401])
def test_who_signs_out_keeps_no_token_also_where_the_session_was_over(server: Server, status: int, home: Path) -> None:
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))
    server.answers = [(status, {}, {"id": "1"})]
    done = CliRunner().invoke(app, ["--json"])
    assert done.exit_code == 0, done.output
    assert current() is None


def test_who_signs_out_is_told_how_to_come_back_there(server: Server) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    keep(Session(address, "a@b.example", "access 1"))
    server.answers = [(200, {}, {"id": "1"})]
    assert f"`vistory login a@b.example --api {address}` signs in again" in CliRunner().invoke(app, []).output


@pytest.mark.parametrize("given", ["127.0.0.1:8000", "ftp://x", "http://", "", "localhost"])
def test_what_is_no_address_is_told_with_how_one_is_written(given: str) -> None:
    with pytest.raises(Stop, match="is written like http://127") as stopped:
        address_of(given or " ")
    assert stopped.value.exit_code == Exit.USAGE


def test_whoever_is_signed_in_nowhere_is_led_where_the_other_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usual_api() == kept.DEFAULT_API
    keep(Session("http://127.0.0.1:8123", "me@b.example", "x"))
    monkeypatch.setenv("VISTORY_PROFILE", "ann")
    assert usual_api() == "http://127.0.0.1:8123"


def test_where_nobody_is_signed_in_the_one_platform_that_was_started_here_is_meant(tmp_path: Path) -> None:
    for folder in ("one", "other", "gone"):
        (tmp_path / folder).mkdir()
    assert usual_folder() == default_folder()
    started("http://127.0.0.1:8003", tmp_path / "one")
    started("http://127.0.0.1:8007", tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert (usual_api(), usual_folder()) == ("http://127.0.0.1:8003", tmp_path / "one")
    started("http://127.0.0.1:8005", tmp_path / "other")
    assert (usual_api(), usual_folder()) == (kept.DEFAULT_API, default_folder())
    keep(Session("http://127.0.0.1:8005", "me@b.example", "x"))
    assert usual_folder() == tmp_path / "other"
