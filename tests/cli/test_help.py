"""Asking what there is must cost nothing: no noun's module, and nothing heavy, is imported for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import NOUNS, load
from cli.exits import Exit
from cli.kept import DEFAULT_API

HEAVY = ("pydantic", "httpx", "rich", "nats", "psycopg", "sqlalchemy", "fastapi", "websockets", "eventsourcing", "PIL")
SEEN = """
import sys
from cli import app
try:
    app({words!r}, prog_name="vistory")
except SystemExit as end:
    assert not end.code, end.code
print("modules:", *sorted(name for name in sys.modules if "." not in name or name.startswith("cli.")))
"""


def modules_after(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SEEN.format(words=list(words))], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("modules:")[2].split())


def test_help_imports_nothing_heavy_and_no_noun() -> None:
    seen = modules_after("--help")
    assert seen.isdisjoint(HEAVY)
    assert {name for name in seen if name.startswith("cli.")} == {"cli.exits"}


def test_naming_every_noun_imports_nothing_heavy_but_the_client() -> None:
    # httpx brings Rich along, for a command of its own.
    code = "import cli, sys; [cli.load(noun) for noun in cli.NOUNS]; print('modules:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint({*HEAVY} - {"httpx", "rich"})


def test_help_is_the_same_whether_it_is_asked_for_or_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "platforms.json").write_text(json.dumps({DEFAULT_API: str(tmp_path)}))
    own = {**os.environ, "VISTORY_HOME": str(tmp_path), "VISTORY_PROFILE": "ann"}
    asked, bare = (
        subprocess.run([sys.executable, "-c", "import cli; cli.main()", *words], capture_output=True, env=own)
        for words in (["--help"], [])
    )
    assert bare.stderr == asked.stdout


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_is_there_and_says_what_it_is_for(noun: str) -> None:
    command = load(noun)
    assert command.name == noun
    assert command.help


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        ("frobnicate", ""),
        ("projcts list", "Did you mean 'project'?"),
        ("project creat x", "Did you mean 'create'?"),
        ("project list --jsn", "--json"),
    ],
)
def test_an_unknown_word_is_a_fault_of_usage_and_one_that_is_like_it_is_named(words: str, guess: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import cli; cli.main()", *words.split()], capture_output=True, text=True
    )
    assert done.returncode == Exit.USAGE
    assert guess in done.stderr
    assert "Did you mean" in done.stderr or "Possible" in done.stderr or not guess


def test_what_a_command_is_for_is_said_to_its_end() -> None:
    for words in (["--help"], ["dataset", "--help"], ["invitation", "--help"]):
        done = subprocess.run([sys.executable, "-c", "import cli; cli.main()", *words], capture_output=True, text=True)
        assert ".." not in done.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("noun", NOUNS)
def test_every_option_and_argument_is_explained(noun: str) -> None:
    command = load(noun)
    for each in getattr(command, "commands", {noun: command}).values():
        assert each.help, each.name
        mute = [one.name for one in each.params if not getattr(one, "help", None)]
        assert not mute, f"{noun} {each.name}"


def test_help_says_what_each_exit_status_means() -> None:
    done = subprocess.run([sys.executable, "-c", "import cli; cli.main()", "--help"], capture_output=True, text=True)
    words = " ".join(done.stdout.split())
    assert "4 verification failed" in words
    assert "3 the platform, or a part of it, does not answer" in words


def test_the_version_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cli import main; main()", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("vistory 0.")
    assert done.returncode == 0
