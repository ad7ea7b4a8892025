"""The kinds of value: what a line may hold, and what becomes of it."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.values import Line, LogLine, Name, Text

line = TypeAdapter(Line).validate_python


@given(st.text(max_size=1_000) | st.text(st.characters(max_codepoint=0x9F), max_size=50))
def test_a_line_is_normalised_and_bare_of_controls_whatever_it_is_written_in(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        with pytest.raises(ValidationError, match="control characters"):
            line(text)
    else:
        assert line(text) == unicodedata.normalize("NFC", text).strip()


@pytest.mark.parametrize("kind", [Line, Name, Text, LogLine], ids=["line", "name", "text", "log line"])
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
