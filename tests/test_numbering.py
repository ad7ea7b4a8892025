"""What is numbered has each number once and leaves none out: nobody who adds one has to guess which comes next."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DECISIONS = ROOT / "docs" / "decisions"


@pytest.mark.parametrize("folder", ["infra/migrations", "infra/migrations/keys", "docs/decisions"])
def test_each_number_is_there_once(folder: str) -> None:
    numbers = sorted(int(file.name[:4]) for file in (ROOT / folder).iterdir() if file.name[:4].isdigit())
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_list_of_decisions_names_each_under_its_number_by_how_its_title_begins() -> None:
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    assert [name for _, _, name in listed] == sorted(file.name for file in DECISIONS.glob("0*.md"))
    assert [int(number) for number, _, _ in listed] == [int(name[:4]) for _, _, name in listed]
    for number, title, name in listed:
        assert (DECISIONS / name).read_text().startswith(f"# {number}. {title}"), name
