import os
from pathlib import Path
from uuid import UUID

import pytest

from infra.attempt_folder import AttemptFolder, Claimed
from infra.leases import Key
from infra.sole import Occupied, sole

KEY = Key(UUID(int=1), 1)


def test_a_claim_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = AttemptFolder.of(tmp_path, KEY)
    folder.begin(Claimed("first", "o"))

    def power_fails(file: int) -> None:
        raise OSError

    monkeypatch.setattr(os, "fsync", power_fails)
    with pytest.raises(OSError):
        folder.begin(Claimed("second", "o"))
    assert folder.claimed() == Claimed("first", "o")


def test_a_claim_is_nobody_elses_to_read(tmp_path: Path) -> None:
    folder = AttemptFolder.of(tmp_path, KEY)
    folder.begin(Claimed("a token", "o"))
    assert (folder.path / "claim.json").stat().st_mode & 0o777 == 0o600
    assert [found.key for found in AttemptFolder.leftovers(tmp_path)] == [KEY]


def test_a_folder_is_one_process_alone_until_it_ends(tmp_path: Path) -> None:
    with sole(tmp_path), pytest.raises(Occupied), sole(tmp_path):
        pass
    with sole(tmp_path):
        pass
