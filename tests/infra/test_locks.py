"""Advisory locks: each number once, and the one that a migration names, too."""

import re

from infra import locks
from tests.test_layers import ROOT

NUMBERS = {name: number for name, number in vars(locks).items() if name.isupper()}
LOCK = re.compile(r"pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\((\d+)\)")


def test_no_two_locks_are_one() -> None:
    assert len(set(NUMBERS.values())) == len(NUMBERS) > 1


def test_what_is_written_by_hand_is_one_of_them() -> None:
    files = [*(ROOT / "infra").rglob("*.py"), *(ROOT / "infra").rglob("*.sql")]
    found = {int(number) for file in files for number in LOCK.findall(file.read_text())}
    assert found == {locks.APPEND}
