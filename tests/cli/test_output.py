"""What reaches the terminal of a person."""

import pytest

from cli.output import legible


def test_letters_of_all_scripts_and_lines_stay_as_they_are() -> None:
    text = "이름\tשלום\nnaïve 👩‍🔬"
    assert legible(text) == text


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\x1b", "\x07", "\r", "\x9b"])
def test_what_steers_a_terminal_or_turns_the_text_is_shown_by_number(character: str) -> None:
    assert legible(f"a{character}b") == f"a\\u{ord(character):04x}b"
