"""A revision's manifest: one root for one content, small changes in few pages."""

from collections.abc import Iterable
from hashlib import sha256
from json import loads

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import comparison, manifest, paths, revision
from domain.comparison import Change, Kind
from domain.manifest import Annotation, Entry, PageIsDamaged
from domain.revision import ClassesWouldChangeMeaning, ClassIsUnknown, EntriesAreOutOfOrder, Manifest, Shape

CLASSES = ("crack", "dent", "rust")
SMALL = Shape(mean=3, most=5)


def is_safe(path: str) -> bool:
    return paths.fault(path) is None


class Shelf:
    """Where pages go, and which of them were written or read since `forget`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.forget()

    def forget(self) -> None:
        self.written: list[str] = []
        self.read: list[str] = []

    def keep(self, name: str, data: bytes) -> None:
        self.written.append(name)
        self.objects[name] = data

    def load(self, name: str) -> bytes:
        self.read.append(name)
        return self.objects[name]


def entry(path: str, content: str = "", *annotations: Annotation) -> Entry:
    name = sha256((content or path).encode()).hexdigest()
    return Entry(path=path, sha256=name, size=len(path), width=640, height=480, annotations=annotations)


def box(class_: int) -> Annotation:
    return Annotation(class_=class_, box=("0.500000", "0.500000", "0.250000", "1.000000"))


def build(shelf: Shelf, entries: Iterable[Entry], shape: Shape = SMALL) -> Manifest:
    return revision.build(sorted(entries, key=lambda e: e.path), CLASSES, shelf.keep, shape)


names: st.SearchStrategy[str] = st.text(min_size=1, max_size=12).map(paths.composed).filter(is_safe)
annotations = st.lists(st.builds(Annotation, class_=st.integers(0, 2), box=st.none() | st.just(box(0).box)), max_size=3)
contents = st.builds(lambda text, found: entry("x", text, *found), st.sampled_from("abc"), annotations)
datasets = st.dictionaries(names, contents, max_size=40).map(
    lambda images: {path: image.model_copy(update={"path": path}) for path, image in images.items()}
)


@given(datasets, datasets)
def test_the_same_images_have_the_same_root_whatever_the_history(
    first: dict[str, Entry], second: dict[str, Entry]
) -> None:
    shelf = Shelf()
    at_once = build(shelf, second.values())
    changes = {**dict.fromkeys(first), **second}
    by_way_of = revision.update(build(shelf, first.values()).sha256, shelf.load, changes, shelf.keep, shape=SMALL)
    assert by_way_of == at_once


@given(datasets)
def test_a_walk_brings_back_every_image_in_order_of_path(images: dict[str, Entry]) -> None:
    shelf = Shelf()
    written = build(shelf, images.values())
    assert list(manifest.walk(written.sha256, shelf.load)) == [images[path] for path in sorted(images)]
    assert set(manifest.objects(written.sha256, shelf.load)) == set(shelf.objects)


@given(datasets, names, st.integers(1, 10))
def test_a_listing_goes_on_after_any_path(images: dict[str, Entry], after: str, limit: int) -> None:
    shelf = Shelf()
    shown = manifest.page(build(shelf, images.values()).sha256, shelf.load, after, limit)
    assert shown == [images[path] for path in sorted(images) if path > after][:limit]


@given(datasets)
def test_every_object_is_canonical_json_named_by_its_hash(images: dict[str, Entry]) -> None:
    shelf = Shelf()
    build(shelf, images.values())
    for name, data in shelf.objects.items():
        assert rfc8785.dumps(loads(data)) == data
        assert sha256(data).hexdigest() == name


@given(datasets, datasets)
def test_a_diff_names_exactly_what_differs(first: dict[str, Entry], second: dict[str, Entry]) -> None:
    shelf = Shelf()
    before, after = build(shelf, first.values()), build(shelf, second.values())
    expected = [
        Change(first.get(path), second.get(path))
        for path in sorted(first.keys() | second.keys())
        if not same(first.get(path), second.get(path))
    ]
    assert list(comparison.diff(before.sha256, after.sha256, shelf.load)) == expected


def same(old: Entry | None, new: Entry | None) -> bool:
    if old is None or new is None:
        return False
    return old.sha256 == new.sha256 and sorted(map(repr, old.annotations)) == sorted(map(repr, new.annotations))


@given(datasets)
def test_the_root_counts_images_annotations_labelled_images_bytes_and_classes(images: dict[str, Entry]) -> None:
    counts = build(Shelf(), images.values()).root.counts
    borne = [annotation.class_ for image in images.values() for annotation in image.annotations]
    assert counts.images == len(images)
    assert counts.annotations == len(borne)
    assert counts.labelled == sum(bool(image.annotations) for image in images.values())
    assert counts.bytes == sum(image.size for image in images.values())
    assert counts.classes == tuple(borne.count(each) for each in range(3))


def many(count: int) -> list[Entry]:
    return [entry(f"images/{number:06}.jpg") for number in range(count)]


def test_one_image_more_among_thousands_writes_three_objects() -> None:
    shelf = Shelf()
    before = revision.build(many(20_000), CLASSES, shelf.keep)
    shelf.forget()
    added = entry("images/010000a.jpg")
    after = revision.update(before.sha256, shelf.load, {added.path: added}, shelf.keep)
    assert len(shelf.written) == 3  # a leaf, the page above, the root
    assert len(shelf.read) == 3
    shelf.forget()
    (change,) = comparison.diff(before.sha256, after.sha256, shelf.load)
    assert change.kind is Kind.ADDED
    assert len(set(shelf.read)) == 6


def test_a_diff_tells_beforehand_which_pages_of_images_it_will_read() -> None:
    shelf = Shelf()
    before = revision.build(many(20_000), CLASSES, shelf.keep)
    changed = {path: entry(path, "other") for path in (f"images/{number:06}.jpg" for number in range(0, 20_000, 5_000))}
    after = revision.update(before.sha256, shelf.load, changed, shelf.keep)
    shelf.forget()
    told: list[str] = []
    found = list(comparison.diff(before.sha256, after.sha256, shelf.load, told.extend))
    assert [change.path for change in found] == sorted(changed)
    leaves = {ref.sha256 for each in (before, after) for ref in manifest.leaves(each.sha256, shelf.objects.__getitem__)}
    assert told == [name for name in shelf.read if name in leaves]


def test_a_listing_from_the_middle_reads_one_page_of_images() -> None:
    shelf = Shelf()
    written = revision.build(many(20_000), CLASSES, shelf.keep)
    shelf.forget()
    assert manifest.page(written.sha256, shelf.load, "images/010000.jpg", 1)[0].path == "images/010001.jpg"
    assert len(shelf.read) == 3


def test_no_page_is_longer_than_four_thousand_entries_or_four_mebibytes() -> None:
    shelf = Shelf()
    heavy = [entry(f"{number:05}.jpg", "", *[box(0)] * 600) for number in range(400)]
    written = revision.build([*heavy, *many(12_000)], CLASSES, shelf.keep)
    leaves = list(manifest.leaves(written.sha256, shelf.load))
    assert sum(leaf.images for leaf in leaves) == 12_400
    assert max(leaf.images for leaf in leaves) <= 4_000
    assert max(map(len, shelf.objects.values())) < 4.1 * 2**20


def test_images_out_of_order_or_named_twice_are_refused() -> None:
    for names in ("ba", "aa"):
        with pytest.raises(EntriesAreOutOfOrder):
            revision.build(map(entry, names), CLASSES, Shelf().keep)


def test_a_class_outside_the_list_is_refused() -> None:
    with pytest.raises(ClassIsUnknown):
        revision.build([entry("a", "", box(3))], CLASSES, Shelf().keep)


def test_a_class_may_be_added_but_not_taken_away() -> None:
    shelf = Shelf()
    before = build(shelf, [entry("a", "", box(2))])
    after = revision.update(before.sha256, shelf.load, {}, shelf.keep, (*CLASSES, "dirt"))
    assert after.root.counts.classes == (0, 0, 1, 0)
    with pytest.raises(ClassesWouldChangeMeaning):
        revision.update(after.sha256, shelf.load, {}, shelf.keep, CLASSES)


def test_a_renamed_class_changes_the_annotations_that_bear_it() -> None:
    shelf = Shelf()
    before = build(shelf, [entry("a", "", box(0)), entry("b", "", box(1))])
    after = revision.update(before.sha256, shelf.load, {}, shelf.keep, ("gap", *CLASSES[1:]))
    shown = comparison.compare(before.sha256, after.sha256, shelf.load)
    assert (shown.added, shown.removed, shown.images_changed, shown.annotations_changed) == (0, 0, 0, 1)
    assert {each.name: (each.before, each.after) for each in shown.classes} == {
        "crack": (1, 0),
        "dent": (1, 1),
        "rust": (0, 0),
        "gap": (0, 1),
    }


def test_a_page_with_other_bytes_than_its_name_says_is_damaged() -> None:
    shelf = Shelf()
    written = build(shelf, [entry("a")])
    assert written.root.top is not None
    shelf.objects[written.root.top.sha256] += b" "
    with pytest.raises(PageIsDamaged):
        list(manifest.walk(written.sha256, shelf.load))


def test_an_object_that_is_no_root_is_damaged() -> None:
    shelf = Shelf()
    shelf.keep(sha256(b"{}").hexdigest(), b"{}")
    with pytest.raises(PageIsDamaged):
        manifest.root(shelf.written[0], shelf.load)


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a\x00", "a\\b", "C:/a", "a//b", "a/./b", "e\u0301", "x" * 300, "\ud800"]
)
def test_an_entry_cannot_have_an_unsafe_path(path: str) -> None:
    with pytest.raises(ValidationError):
        entry("a").model_copy().model_validate({**entry("a").model_dump(by_alias=True), "path": path})
