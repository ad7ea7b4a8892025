import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from infra.canonical import canonical

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
@example({"\U0001f600": 1, "\ue000": 2, "a": 3})
@example([1.0, 0.1, 1e-4, 9.999e-5, 1e-7, 1e15, 123456789.125, 1e21, -0.0, 5e-324])
@example(['\x00\x1f\x7f\x80\u2028"\\/\b\f\n\r\t', "ö🙂"])
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1: 2}, "\ud800", object()])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        canonical(value)
