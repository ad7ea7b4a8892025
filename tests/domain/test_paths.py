"""Names of files: which are safe, and which are one name to some machines."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.paths import PathIsUnsafe, PathsCollide, fault, normal, normal_all, quoted


@pytest.mark.parametrize(
    "path", ["a.jpg", "train/cat/1.jpg", "קובץ.png", "👩‍🔬/ñ.png", "a b/c d.jpg", "...jpg", "C/a.png", "x" * 255]
)
def test_names_in_any_alphabet_are_safe(path: str) -> None:
    assert normal(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a", "is absolute"),
        ("C:\\a", "is absolute"),
        ("c:a", "is absolute"),
        ("a/../b", "has an empty part, '.' or '..' in it"),
        ("..", "has an empty part, '.' or '..' in it"),
        ("a/", "has an empty part, '.' or '..' in it"),
        ("", "has an empty part, '.' or '..' in it"),
        ("a\\..\\b", "contains the character '\\\\'"),
        ("a\x00", "contains the character '\\x00'"),
        ("a\u2028b", "contains the character '\\u2028'"),
        ("é" * 128, "is longer than 255 bytes in one part or 1000 characters in all"),
        ("a/" * 500 + "a", "is longer than 255 bytes in one part or 1000 characters in all"),
    ],
)
def test_an_unsafe_name_is_refused_with_its_reason(path: str, reason: str) -> None:
    assert fault(path) == reason
    with pytest.raises(PathIsUnsafe):
        normal(path)


@given(st.text())
def test_a_name_is_safe_in_normal_form_or_refused(path: str) -> None:
    try:
        found = normal(path)
    except PathIsUnsafe:
        return
    assert unicodedata.is_normalized("NFC", found)
    assert fault(found) is None
    assert normal(found) == found


@pytest.mark.parametrize(
    ("one", "other"), [("a.png", "A.png"), ("é", "e\u0301"), ("É", "e\u0301"), ("straße", "STRASSE"), ("same", "same")]
)
def test_names_that_some_machine_takes_for_one_collide(one: str, other: str) -> None:
    with pytest.raises(PathsCollide):
        normal_all([one, other])


def test_names_in_folders_that_differ_do_not_collide() -> None:
    assert normal_all(["a/x.png", "b/x.png", "a/y.png"]) == ["a/x.png", "b/x.png", "a/y.png"]


@given(st.text())
def test_what_is_shown_to_people_is_short_and_has_no_control_characters(text: str) -> None:
    shown = quoted(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in shown)
    assert len(shown) <= 2 + 80 * 10
    shown.encode()
