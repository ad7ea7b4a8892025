"""What a split promises, whatever the images."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from hashlib import sha256
from random import Random

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from domain.content import Ratios, SplitMethod
from domain.groups import ByFolder, Groups
from domain.manifest import Annotation, Entry
from domain.split import (
    RatiosMakeNoSense,
    Sides,
    SplitNamesUnknownImages,
    SplitNeedsImages,
    as_given,
    class_tables,
    make_split,
)
from domain.tables import SIDES, Side

ROOT = "0" * 64
USUAL = Ratios(train=0.6, val=0.2, test=0.2)
METHODS = [SplitMethod.AUTO, SplitMethod.STRATIFIED]


def entry(number: int, *classes: int, content: int | None = None) -> Entry:
    return Entry(
        path=f"{number:05}.jpg",
        sha256=sha256(str(number if content is None else content).encode()).hexdigest(),
        size=1,
        width=1,
        height=1,
        annotations=tuple(Annotation(class_=each) for each in classes),
    )


def dataset(labels: list[list[int]], contents: list[int] | None = None) -> list[Entry]:
    contents = contents or list(range(len(labels)))
    return [entry(n, *labels[n], content=c) for n, c in enumerate(contents[: len(labels)])]


def apart(entries: list[Entry], side_of: Mapping[str, Side]) -> set[str]:
    """Contents that stand on several sides."""
    sides: dict[str, set[Side]] = defaultdict(set)
    for each in entries:
        sides[each.sha256].add(side_of[each.path])
    return {sha256 for sha256, found in sides.items() if len(found) > 1}


methods = st.sampled_from(METHODS)
seeds = st.integers(0, 2**32)
labels = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=10, max_size=80)
single = st.lists(st.integers(0, 5).map(lambda label: [label]), min_size=10, max_size=120)
ratios = st.sampled_from([USUAL, Ratios(train=0.7, val=0.2, test=0.1), Ratios(train=0.8, val=0.2, test=0.0)])


@given(labels, methods, seeds, ratios)
def test_every_image_is_on_exactly_one_side(
    labels: list[list[int]], method: SplitMethod, seed: int, ratios: Ratios
) -> None:
    sides = make_split(ROOT, dataset(labels), method, ratios, seed)
    assert sorted(sides.train + sides.val + sides.test) == [each.path for each in dataset(labels)]
    assert bool(sides.test) == bool(ratios.test)


@given(labels, methods, seeds)
def test_the_same_seed_gives_the_same_split_in_any_order(
    labels: list[list[int]], method: SplitMethod, seed: int
) -> None:
    images = dataset(labels)
    shuffled = Random(seed).sample(images, len(images))
    assert make_split(ROOT, images, method, USUAL, seed) == make_split(ROOT, shuffled, method, USUAL, seed)


def test_another_seed_gives_another_split() -> None:
    images = dataset([[0]] * 100)
    for method in METHODS:
        assert make_split(ROOT, images, method, USUAL, 1) != make_split(ROOT, images, method, USUAL, 2)


@given(st.integers(10, 200), seeds, ratios)
def test_a_random_split_keeps_its_ratios_to_the_image(count: int, seed: int, ratios: Ratios) -> None:
    sides = make_split(ROOT, dataset([[]] * count), SplitMethod.AUTO, ratios, seed)
    for side in SIDES:
        assert abs(len(getattr(sides, side)) - getattr(ratios, side) * count) <= 1


@given(single, seeds, ratios)
def test_a_stratified_split_keeps_its_ratios_in_every_class(labels: list[list[int]], seed: int, ratios: Ratios) -> None:
    images = dataset(labels)
    sides = make_split(ROOT, images, SplitMethod.STRATIFIED, ratios, seed)
    totals = Counter(label for each in labels for label in each)
    for table in class_tables(images, "abcdef", sides).sides:
        share = getattr(ratios, table.side)
        assert abs(table.images - share * len(images)) <= 6
        for number, line in enumerate(table.classes):
            assert abs(line.images - share * totals[number]) < 2


@given(single, seeds)
def test_a_class_of_three_images_or_more_is_on_every_side(labels: list[list[int]], seed: int) -> None:
    images = dataset(labels)
    totals = Counter(label for each in labels for label in each)
    made = make_split(ROOT, images, SplitMethod.STRATIFIED, USUAL, seed)
    for table in class_tables(images, "abcdef", made).sides:
        assert all(line.images for number, line in enumerate(table.classes) if totals[number] >= 3)


@given(seeds)
def test_scenes_with_many_classes_have_every_class_on_every_side(seed: int) -> None:
    chance = Random(seed)
    scenes = [chance.choices(range(10), weights=range(1, 11), k=chance.randint(1, 4)) for _ in range(150)]
    images = dataset(scenes)
    sides = make_split(ROOT, images, SplitMethod.STRATIFIED, USUAL, seed)
    totals = Counter(label for scene in scenes for label in set(scene))
    for table in class_tables(images, "abcdefghij", sides).sides:
        assert abs(table.images - getattr(USUAL, table.side) * 150) <= 4
        for number, line in enumerate(table.classes):
            assert line.images or totals[number] < 3
            assert abs(line.images - getattr(USUAL, table.side) * totals[number]) <= 2 + totals[number] / 5


@given(st.lists(st.integers(0, 30), min_size=60, max_size=120), methods, seeds)
def test_exact_duplicates_stay_together(contents: list[int], method: SplitMethod, seed: int) -> None:
    images = [*dataset([[0]] * len(contents), contents), *(entry(1_000 + n, 0, content=100 + n) for n in range(3))]
    assert not apart(images, make_split(ROOT, images, method, USUAL, seed).side_of())


@given(labels, methods, seeds)
def test_a_group_stays_together_also_through_its_duplicates(
    labels: list[list[int]], method: SplitMethod, seed: int
) -> None:
    images = [*dataset(labels), *(entry(n, content=n) for n in (90, 91)), entry(90_000, content=0)]
    images = [
        each.model_copy(update={"path": f"video/{each.path}"}) if each.path < "00010" else each for each in images
    ]
    side_of = make_split(ROOT, images, method, USUAL, seed, Groups(ByFolder(by="folder"))).side_of()
    first_ten = {f"video/{n:05}.jpg" for n in range(10)}
    assert len({side_of[path] for path in [*first_ten & side_of.keys(), "90000.jpg"]}) == 1


def test_a_renamed_image_stays_on_its_side() -> None:
    images = dataset([[0], [1]] * 30)
    renamed = [each.model_copy(update={"path": f"new/{each.path}"}) for each in images]
    for method in METHODS:
        before, after = (make_split(ROOT, each, method, USUAL, 7).side_of() for each in (images, renamed))
        assert after == {f"new/{path}": side for path, side in before.items()}


def test_a_split_is_the_same_on_every_machine_for_ever() -> None:
    images = dataset([[n % 3, n % 5] for n in range(50)])
    stored = [sha256(make_split(ROOT, images, method, USUAL, 42).canonical()).hexdigest()[:16] for method in METHODS]
    assert stored == ["bf9d435c098d4281", "453024f8a67395a1"]


def test_a_split_that_came_with_the_data_is_kept_as_it_is() -> None:
    images = dataset([[0]] * 4, [0, 0, 1, 2])
    sides = as_given(
        ROOT, [each.path for each in images], {"00000.jpg": "train", "00001.jpg": "test", "00002.jpg": "val"}
    )
    assert (sides.train, sides.val, sides.test) == (("00000.jpg",), ("00002.jpg",), ("00001.jpg",))


def test_a_split_that_names_an_unknown_image_is_refused() -> None:
    with pytest.raises(SplitNamesUnknownImages, match="ghost"):
        as_given(ROOT, ["00000.jpg"], {"ghost.jpg": "val"})


def test_a_stored_split_is_canonical_and_reads_back() -> None:
    sides = make_split(ROOT, dataset([[0]] * 20), SplitMethod.AUTO, USUAL, 0)
    assert sides.canonical() == rfc8785.dumps(sides.model_dump(mode="json"))
    assert Sides.read(sides.canonical()) == sides


@pytest.mark.parametrize("given_ratios", [(0.5, 0.2, 0.2), (0, 0.5, 0.5), (1, 0.5, 0.5)])
def test_ratios_that_do_not_sum_to_one_or_leave_nothing_to_train_on_are_refused(
    given_ratios: tuple[float, float, float],
) -> None:
    train, val, test = given_ratios
    with pytest.raises(RatiosMakeNoSense):
        make_split(ROOT, dataset([[0]] * 9), SplitMethod.AUTO, Ratios(train=train, val=val, test=test), 0)


def test_fewer_images_than_sides_are_refused() -> None:
    with pytest.raises(SplitNeedsImages):
        make_split(ROOT, dataset([[0]] * 3, [1, 1, 1]), SplitMethod.AUTO, USUAL, 0)


def test_groups_that_are_too_few_say_how_to_group_more_finely() -> None:
    flat = [each.model_copy(update={"path": f"images/{each.path}"}) for each in dataset([[0]] * 9)]
    with pytest.raises(SplitNeedsImages, match="there are 1; a pattern groups by names"):
        make_split(ROOT, flat, SplitMethod.AUTO, USUAL, 0, Groups(ByFolder(by="folder")))
