"""The kinds of value: what a line may hold, and what becomes of it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.values import Line

line = TypeAdapter(Line).validate_python


@given(st.text(max_size=1_000) | st.text(st.characters(max_codepoint=0x9F), max_size=50))
def test_a_line_is_normalised_and_bare_of_controls_whatever_it_is_written_in(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        with pytest.raises(ValidationError, match="control characters"):
            line(text)
    else:
        assert line(text) == unicodedata.normalize("NFC", text).strip()
