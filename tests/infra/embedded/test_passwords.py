from pathlib import Path

import pytest

from infra.embedded.passwords import KEYS, MissingKey, Passwords, keep_keys


def test_a_key_that_what_is_stored_needs_is_made_once_and_never_again(tmp_path: Path) -> None:
    secrets, made = tmp_path / "secrets", tmp_path / "keys-made"
    secrets.mkdir()
    keep_keys(Passwords(secrets), secrets, made)
    keys = {name: (secrets / name).read_bytes() for name in KEYS}
    keep_keys(Passwords(secrets), secrets, made)
    assert {name: (secrets / name).read_bytes() for name in KEYS} == keys
    (secrets / "pepper").unlink()
    with pytest.raises(MissingKey, match="pepper gone"):
        keep_keys(Passwords(secrets), secrets, made)
    assert not (secrets / "pepper").exists()
