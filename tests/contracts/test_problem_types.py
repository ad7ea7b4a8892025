"""A problem's type is the name of a class, which may not be renamed once somebody waits for it."""

import re
from collections.abc import Iterator
from pathlib import Path

from api.errors import STATUS, type_of
from infra.names import PROBLEM
from tests.test_layers import PACKAGES, ROOT

WRITTEN = re.compile(rf"(?:{PROBLEM}|\{{PROBLEM\}})([a-z-]+)")
SOURCES = [file for package in PACKAGES for file in (ROOT / package).rglob("*.*") if file.suffix in (".py", ".js")]
GUIDES = [ROOT / "README.md", *(ROOT / "docs" / "guides").glob("*.md")]


def every(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


def written(file: Path) -> set[str]:
    return {f"{PROBLEM}{found}" for found in WRITTEN.findall(file.read_text())}


def test_whoever_waits_for_a_problem_names_one_that_the_api_answers() -> None:
    known = {type_of(each.__name__) for kind in STATUS for each in every(kind)}
    waited_for = {(file.name, each) for file in [*SOURCES, *GUIDES] for each in written(file)}
    assert {name for name, _ in waited_for} >= {"client.py", "patience.py", "session.py", "worker_api.py", "running.md"}
    assert [each for each in waited_for if each[1] not in known] == []
