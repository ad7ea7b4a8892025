"""What reaches the terminal of a person."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.output import as_line, legible, table


def test_letters_of_all_scripts_and_lines_stay_as_they_are() -> None:
    text = "이름\tשלום\nnaïve 👩‍🔬"
    assert legible(text) == text


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\x1b", "\x07", "\r", "\x9b", "\udcff"])
def test_what_steers_a_terminal_or_turns_the_text_is_shown_by_number(character: str) -> None:
    assert legible(f"a{character}b") == f"a\\u{ord(character):04x}b"


def test_what_is_shown_by_number_is_the_same_to_a_program() -> None:
    data = {"name": "a\x1b\u202e\x9b\udcffb"}
    assert legible(as_line(data)) == '{"name": "a\\u001b\\u202e\\u009b\\udcffb"}'
    assert json.loads(legible(as_line(data))) == data


def test_nothing_is_printed_but_by_way_of_what_makes_it_legible() -> None:
    """The verifier stands alone; a version is our own text, and asked for where nothing may be imported."""
    apart = {"output.py", "__init__.py"}
    files = [file for file in Path("cli").rglob("*.py") if file.name not in apart and "verify" not in file.parts]
    assert not [
        file for file in files if re.search(r"typer\.echo|(?<!\.)\bprint\(|sys\.std(out|err)", file.read_text())
    ]


def test_columns_stand_under_each_other_whatever_is_written_in_them() -> None:
    lines = table(("name", "n"), [("이름", 1), ("cells", 20), ("cafe\u0301", 3)]).splitlines()
    assert lines == ["name   n", "이름    1", "cells  20", "cafe\u0301    3"]


def run(words: str, *, to: int | None = None, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    code = f"import cli, cli.output as o; cli.app = lambda **_: {words}; cli.main()"
    own = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | variables
    return subprocess.run(
        [sys.executable, "-c", code], stdout=to or subprocess.PIPE, stderr=subprocess.PIPE, env=own, check=False
    )


def test_a_letter_that_a_terminal_does_not_have_is_shown_by_its_number() -> None:
    done = run("o.say('caf\\xe9 이')", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout) == (0, b"caf\xe9 \\uc774\n")
    done = run("o.tell({'name': '이 👩'})", PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout) == {"name": "이 👩"}


def test_where_there_is_no_room_to_write_it_is_told_in_a_line() -> None:
    with open("/dev/full", "wb") as full:
        done = run("o.say('x')", to=full.fileno())
    assert (done.returncode, done.stderr) == (1, b"vistory: what is found cannot be written: No space left on device\n")


def test_a_pipe_that_nobody_reads_any_more_ends_a_command_without_a_word() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = run("[o.say('x' * 10_000) for _ in range(100)]", to=theirs)
    os.close(theirs)
    assert done.stderr == b""
