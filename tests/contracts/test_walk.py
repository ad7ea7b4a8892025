"""The guide to the walk of a change names files and functions; each must be there, and its hops be counted right."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from tests.test_layers import ROOT

PAGE = (ROOT / "docs" / "guides" / "walk.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_]+/[a-z_]+)\.py` `([A-Za-z_.]+)`", PAGE)))


def hops() -> Iterator[int]:
    return (int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_what_the_walk_names_is_there(module: str, name: str) -> None:
    found: Any = import_module(module.replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`([a-z_]+/[a-z_]+\.py)`", PAGE))))
def test_every_file_of_the_walk_is_there(file: str) -> None:
    assert (ROOT / file).is_file()


def test_hops_are_numbered_one_by_one_and_the_names_were_found() -> None:
    assert list(hops()) == list(range(1, 13))
    assert len(NAMED) >= 12
