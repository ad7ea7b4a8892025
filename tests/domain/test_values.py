"""The kinds of value: what a line may hold, and what becomes of it."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.values import Line, LogLine, Name, PlainName, Text

line = TypeAdapter(Line).validate_python


@given(st.text(max_size=1_000) | st.text(st.characters(max_codepoint=0x9F), max_size=50))
def test_a_line_is_normalised_and_bare_of_controls_whatever_it_is_written_in(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        with pytest.raises(ValidationError, match="control characters"):
            line(text)
    else:
        assert line(text) == unicodedata.normalize("NFC", text).strip()


@pytest.mark.parametrize(
    "kind", [Line, Name, PlainName, Text, LogLine], ids=["line", "name", "plain name", "text", "log line"]
)
@given(st.text(max_size=50) | st.text(st.sampled_from("\u0958\u1d160\ufb1d a\u0301"), max_size=300))
def test_what_is_taken_once_is_taken_again_as_it_is(kind: Any, text: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    try:
        taken = adapter.validate_python(text)
    except ValidationError:
        return
    assert adapter.validate_python(taken) == taken


def test_a_name_that_grows_beyond_its_length_in_its_normal_form_is_refused() -> None:
    assert len(unicodedata.normalize("NFC", "\u0958" * 150)) == 300
    with pytest.raises(ValidationError, match="200 characters at most"):
        TypeAdapter(Name).validate_python("\u0958" * 150)


SEEN = [
    "Müller & Söhne",
    "한국 연구소",
    "می\u200cخواهم",
    "क्\u200dष",
    "👩\u200d🔬 lab",
    "❤\ufe0f\u200d🔥",
    "\u0600\u0661",
    "a-b_c",
    "שלום",
]
UNSEEN = [
    "\u202e",
    "\u2066",
    "\u200f",
    "\u061c",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\xad",
    "\u180e",
    "\u200c",
    "\u200d",
    "\u3164",
    "\u115f",
    "\u2800",
    "\U000e0041",
    "\x1b",
    "\x00",
    "\u2028",
]


@pytest.mark.parametrize("name", SEEN)
def test_a_name_is_taken_in_any_script(name: str) -> None:
    assert TypeAdapter(PlainName).validate_python(name) == name


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
@pytest.mark.parametrize("around", [("Ac", "me"), ("", "Acme"), ("한", "국"), ("é", "")], ids=ascii)
def test_nobody_gives_a_name_that_looks_like_another_one_or_turns_the_words_around_it(
    unseen: str, around: tuple[str, str]
) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PlainName).validate_python(unseen.join(("x" + around[0], around[1] + "x")))


def test_a_name_that_was_stored_before_that_was_asked_for_loads() -> None:
    assert TypeAdapter(Name).validate_python("Ac\u200bme") == "Ac\u200bme"
