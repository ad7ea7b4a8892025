"""Commands that messages name: each is there, and what is printed can be given as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shlex import split

import pytest

from cli import NOUNS, load
from cli.hint import NAMED, completed, hear_api, hear_data, line, options
from cli.kept import started

TOLD = sorted(
    {
        (str(file), found[1])
        for folder in ("cli", "commands", "domain", "infra", "api", "consumers")
        for file in Path(folder).rglob("*.py")
        for found in re.finditer(r"`vistory ([a-z][^`\n]*)`", file.read_text())
    }
)


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(("file", "told"), TOLD)
def test_a_command_that_a_message_names_is_there_with_all_that_it_needs(file: str, told: str) -> None:
    noun, *words = re.sub(r"\{.*?\}", "X", told).split()
    assert noun in NOUNS, file
    command = load(noun)
    verbs = getattr(command, "commands", {})
    command = verbs[words.pop(0)] if verbs and words else command
    values = [word for word in words if not word.startswith("-")]
    named = {word for word in words if word.startswith("-")}
    assert named <= {option for each in command.params for option in each.opts} | {"--help"}
    needed = [each for each in command.params if each.required and "--help" not in named]
    assert len(values) >= len(needed)
    assert all(named & set(each.opts) for each in needed if each.param_type_name == "option")


@pytest.mark.parametrize("page", ["README.md", "docs/guides/running.md", "docs/guides/subscribing.md"])
def test_a_command_that_a_guide_shows_is_there(page: str) -> None:
    shown = re.findall(r"^    vistory ([^#\n]*)", Path(page).read_text(), re.MULTILINE)
    assert shown or page.endswith("subscribing.md")
    for typed in shown:
        words = split(re.sub(r"   .*", "", typed))
        if words[0] == "--as":
            words = words[2:]
        command = load(words[0])
        verbs = getattr(command, "commands", {})
        assert not verbs or words[1] in verbs, typed
        named = {word for word in words if word.startswith("--")}
        assert named <= options(*words[:2]), typed


def test_a_line_that_is_printed_can_be_given_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = tmp_path / "a b" / "vistory"
    typed.parent.mkdir()
    typed.touch(mode=0o700)
    monkeypatch.setattr(sys, "argv", [str(typed)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert line("up", "--data", "my data") == f"'{typed}' up --data 'my data'"
    monkeypatch.setenv("PATH", str(typed.parent))
    assert line("up") == "vistory up"
    monkeypatch.setenv("VISTORY_PROFILE", "ann")
    assert line("login") == "vistory --as ann login"


def test_where_the_platform_is_is_said_to_whom_it_concerns_and_only_where_it_is_not_the_usual_place() -> None:
    hear_api("http://127.0.0.1:8000/")
    assert line("login", "a@b.example") == "vistory login a@b.example"
    hear_api("http://127.0.0.1:8123")
    hear_data(Path("a b"))
    assert line("login", "a@b.example") == "vistory login a@b.example --api http://127.0.0.1:8123"
    assert line("login", "a@b.example", "--api", "http://x") == "vistory login a@b.example --api http://x"
    assert split(line("mail", "list"))[3:] == ["--data", str(Path("a b").absolute())]
    assert line("logout") == "vistory logout"


def test_who_started_a_platform_here_is_led_back_to_its_folder(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    started("http://x:1", tmp_path / "one")
    started("http://x:2", tmp_path / "other")
    hear_api("http://x:2/")
    assert line("up") == f"vistory up --data {tmp_path / 'other'}"
    assert completed("`vistory doctor` tells") == f"`vistory doctor --data {tmp_path / 'other'}` tells"
    started("http://x:1", tmp_path / "other")
    assert line("up") == "vistory up", "it has moved"
    hear_api("http://x:1")
    for command in ("up", "doctor"):
        assert line(command) == f"vistory {command} --data {tmp_path / 'other'}", "also where it is the only one"
    hear_api("http://elsewhere:1")
    assert line("up") == "vistory up"


def test_where_somebody_is_signed_in_is_the_usual_place(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "session.json").write_text(json.dumps({"api": "http://x:1", "email": "a", "token": "t"}))
    hear_api("http://x:1")
    assert line("whoami") == "vistory whoami"


def test_what_a_message_names_is_completed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_PROFILE", "ann")
    hear_api("http://x:1")
    text = "`vistory whoami`, vistory whoami, `vistory frobnicate` and `ls`"
    assert completed(text) == (
        "`vistory --as ann whoami --api http://x:1`, vistory whoami, `vistory --as ann frobnicate` and `ls`"
    )
    assert completed(completed(text)) == completed(text)
    assert not NAMED.search("`vistory --as ann login`")


def test_an_option_is_known_by_the_command_that_takes_it() -> None:
    assert "--data" in options("mail", "show")
    assert "--api" in options("login", "a@b.example")
    assert options("frobnicate") == frozenset()


def test_who_is_not_signed_in_is_told_a_line_that_signs_them_in_there(tmp_path: Path) -> None:
    own = {**os.environ, "VISTORY_HOME": str(tmp_path / "home")}
    words = ["--as", "ann", "whoami", "--api", "http://127.0.0.1:8123"]
    code = "import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", code, *words], env=own, capture_output=True, text=True, check=False)
    assert "`vistory --as ann login EMAIL --api http://127.0.0.1:8123`" in done.stderr
