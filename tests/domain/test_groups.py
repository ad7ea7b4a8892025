"""How a person says which images belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.groups import ByFolder, ByPattern, Grouped, Groups, GroupsMatchNothing, PatternMakesNoSense, captured


@pytest.mark.parametrize(
    ("pattern", "path", "group"),
    [
        ("{group}_frame*.jpg", "train/video-7_frame001.jpg", "video-7"),
        ("patient-{group}_*.png", "a/patient-12_3.png", "12"),
        ("patient-{group}_*.png", "a/other-12_3.png", None),
        ("{group}_*", "a_b_c.jpg", "a"),
        ("*_{group}.jpg", "a_b_c.jpg", "b_c"),
        ("*/{group}/*", "train/p1/slices/3.png", "p1"),
        ("*/{group}/*", "p1/3.png", None),
        ("{group}", "a/b.jpg", "b.jpg"),
        ("x{group}x", "xx", None),
        ("x{group}x", "xxx", "x"),
        ("a*a{group}.jpg", "a.jpg", None),
        ("аб{group}-*", "аб🙂-1.jpg", "🙂"),
        ("cafe\u0301-{group}_*", "caf\u00e9-7_1.jpg", "7"),
    ],
)
def test_a_pattern_names_the_group_where_its_mark_stands(pattern: str, path: str, group: str | None) -> None:
    assert captured(ByPattern(by="pattern", pattern=pattern).pattern, path) == group


@pytest.mark.parametrize(
    "pattern", ["", "*.jpg", "{group}{group}", "{group}*.jpg", "*{group}", "a**{group}", "{group}\n"]
)
def test_a_pattern_that_nobody_could_follow_is_refused(pattern: str) -> None:
    with pytest.raises((ValidationError, PatternMakesNoSense)):
        Groups(ByPattern(by="pattern", pattern=pattern))


def test_a_pattern_is_kept_in_the_normal_form_that_paths_have() -> None:
    assert ByPattern(by="pattern", pattern="e\u0301{group}-*").pattern == "\u00e9{group}-*"


def test_a_pattern_that_is_too_long_in_its_normal_form_is_refused_before_it_is_stored() -> None:
    longest = ByPattern(by="pattern", pattern="\u0958" * 146 + "{group}x")
    assert len(longest.pattern) == 300
    assert ByPattern.model_validate_json(longest.model_dump_json()) == longest
    with pytest.raises(ValidationError):
        ByPattern(by="pattern", pattern="\u0958" * 147 + "{group}x")


@given(st.text("ab_/", max_size=12), st.sampled_from(["{group}_*", "a{group}b*a", "*/{group}_*", "*a*b{group}_"]))
def test_what_is_found_fits_the_pattern(path: str, pattern: str) -> None:
    text = path if "/" in pattern else path.rpartition("/")[2]
    if found := captured(pattern, path):
        before, after = pattern.split("{group}")
        assert text.startswith(before.split("*")[0])
        assert text.endswith(after.split("*")[-1])
        assert found in text


@pytest.mark.parametrize(("level", "group"), [(1, "train/p1/scan"), (2, "train/p1"), (3, "train"), (4, None)])
def test_a_folder_groups_all_that_lies_below_it(level: int, group: str | None) -> None:
    assert Groups(ByFolder(by="folder", level=level)).of("train/p1/scan/3.png") == group


def test_what_is_in_no_group_is_counted() -> None:
    groups = Groups(rule := ByPattern(by="pattern", pattern="{group}_*"))
    assert [groups.of(path) for path in ("a_1.jpg", "a_2.jpg", "b_1.jpg", "c.jpg")] == ["a", "a", "b", None]
    assert groups.found() == Grouped(rule=rule, groups=2, alone=1)


def test_a_rule_that_finds_no_group_is_refused_and_no_rule_finds_none() -> None:
    groups = Groups(ByFolder(by="folder"))
    groups.of("a.jpg")
    with pytest.raises(GroupsMatchNothing, match=r"'a\.jpg' lies in too few folders .* a pattern groups by names"):
        groups.found()
    groups = Groups(ByPattern(by="pattern", pattern="{group}_?.jpg"))
    groups.of("train/a_1.jpg")
    with pytest.raises(GroupsMatchNothing, match=r"the name of the file of 'train/a_1\.jpg' does not fit '{group}_\?"):
        groups.found()
    assert Groups(None).found() is None
