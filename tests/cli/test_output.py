"""What reaches the terminal of a person."""

import json
import re
from pathlib import Path

import pytest

from cli.output import as_line, legible


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
