"""One's own account at the terminal."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.exits import Exit, Stop
from cli.person import app
from tests.cli.http_server import Server


def export(server: Server, file: Path) -> str:
    where = f"http://127.0.0.1:{server.server_port}/object"
    server.answers = [(200, {}, {"url": where}), (200, {}, b"{}")]
    return CliRunner().invoke(app, ["export", str(file)], catch_exceptions=False).output


def test_what_is_held_about_one_is_for_one_s_own_eyes(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "me.json"
    assert export(server, file) == f"{file}: 2 bytes\n"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"{}", 0o600)


def test_nothing_is_asked_for_that_could_not_be_written(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Stop, match="there is no folder") as stopped:
        export(server, tmp_path / "nowhere" / "me.json")
    assert stopped.value.exit_code == Exit.USAGE
    (tmp_path / "me.json").write_text("of last year")
    with pytest.raises(Stop, match="is there already; name another file"):
        export(server, tmp_path / "me.json")
    assert (tmp_path / "me.json").read_text() == "of last year"
    assert server.asked == []


def test_a_file_that_cannot_be_made_after_all_is_told_in_a_line(server: Server, tmp_path: Path) -> None:
    """Whoever runs as root may write anywhere, but not a name of more than 255 bytes."""
    with pytest.raises(Stop, match="File name too long"):
        export(server, tmp_path / ("n" * 253))


def leave(server: Server, *words: str) -> Result:
    server.answers = [(200, {}, {"email": "ann@example.org"})] if "--yes" not in words else []
    server.answers += [(202, {}, {"id": "1", "due_at": "2026-01-09T12:00:00Z"})]
    return CliRunner().invoke(app, ["leave", *words], input="n\n", catch_exceptions=False)


@pytest.mark.parametrize("words", [(), ("--yes",)])
def test_nobody_asks_to_be_erased_without_meaning_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    monkeypatch.setattr("cli.asking.attended", lambda: True)
    said = leave(server, *words)
    told = {method for method, _, _ in server.asked}
    assert (said.exit_code, told) == ((0, {"DELETE"}) if words else (1, {"GET"}))
    wanted = "at 2026-01-09 12:00:00 UTC; `vistory person stay` cancels that" if words else "ann@example.org erased"
    assert wanted in said.output


def test_a_script_that_does_not_say_that_it_is_meant_is_told_how(server: Server) -> None:
    with pytest.raises(Stop, match="give --yes"):
        leave(server)
    assert [method for method, _, _ in server.asked] == ["GET"]
