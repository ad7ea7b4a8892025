"""Names of files, taken apart."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from infra.formats.listing import File, Listing, Nearby, folder, stem, suffix

places = st.lists(st.sampled_from(["a", "a-b", "b"]), max_size=3).map("/".join)


@given(st.lists(st.text("a.B", min_size=1, max_size=5).filter(lambda part: part.strip(".")), min_size=1, max_size=3))
def test_suffix_and_stem_are_those_of_pathlib(parts: list[str]) -> None:
    path = "/".join(parts)
    known = PurePosixPath(path)
    assert (suffix(path), stem(path)) == (known.suffix.lower(), known.stem)
    assert folder(path) == ("" if str(known.parent) == "." else str(known.parent))


@given(st.sets(st.tuples(places, st.sampled_from("xy")), min_size=1), places)
def test_the_images_below_a_folder_are_those_whose_path_begins_with_it(named: set[tuple[str, str]], place: str) -> None:
    paths = [f"{where}/{name}.png".lstrip("/") for where, name in named]
    listing = Listing([File(path, 1, "") for path in paths], lambda path: b"")
    below = [path for path in sorted(paths) if not place or path.startswith(f"{place}/")]
    assert listing.below(place or ".") == below


@given(st.sets(st.tuples(places, st.sampled_from("xy")), min_size=1), places, st.sampled_from("xy"))
def test_the_nearest_of_several_of_one_name_is_the_one_beside_it(
    named: set[tuple[str, str]], place: str, name: str
) -> None:
    paths = [f"{where}/{name}.png".lstrip("/") for where, name in named]
    called = [path for path in paths if stem(path) == name]
    beside = [path for path in called if folder(path) == place]
    around = [path for path in called if folder(folder(path)) == folder(place)]
    near = beside or around or called
    found = Nearby(paths, stem).nearest(f"{place}/{name}.xml".lstrip("/"), name)
    assert found == (near[0] if len(near) == 1 else None)
