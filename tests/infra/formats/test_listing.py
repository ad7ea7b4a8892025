"""Names of files, taken apart."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from infra.formats.listing import folder, stem, suffix


@given(st.lists(st.text("a.B", min_size=1, max_size=5).filter(lambda part: part.strip(".")), min_size=1, max_size=3))
def test_suffix_and_stem_are_those_of_pathlib(parts: list[str]) -> None:
    path = "/".join(parts)
    known = PurePosixPath(path)
    assert (suffix(path), stem(path)) == (known.suffix.lower(), known.stem)
    assert folder(path) == ("" if str(known.parent) == "." else str(known.parent))
