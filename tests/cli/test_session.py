"""Where a sign-in is kept."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import session
from cli.exits import Exit, Stop
from cli.logout import logout
from cli.session import Session, current, keep, place, signed_in


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
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
    logout()
    assert current() is None
    logout()
    monkeypatch.delenv("VISTORY_PROFILE")
    assert current() == mine


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".", "a\x00b"])
def test_a_person_is_kept_apart_by_a_plain_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "os", SimpleNamespace(environ={"VISTORY_PROFILE": name}))
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
