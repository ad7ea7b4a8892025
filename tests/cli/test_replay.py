"""What the command line says of a receipt before it looks at any history."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from cli.exits import Exit, Stop
from cli.replay import verified, words
from infra.config import Settings


@pytest.mark.parametrize("receipt", ["7", "seven:00", "ledger:", "3:abc", "3:" + "0" * 62])
def test_a_receipt_that_is_none_is_a_fault_of_usage(receipt: str) -> None:
    with pytest.raises(Stop, match="position:chain") as stopped:
        verified(Settings(database_url=SecretStr("postgresql://127.0.0.1:9/none")), [receipt])
    assert stopped.value.exit_code == Exit.USAGE


def test_what_a_witness_proved_is_said() -> None:
    found = {"events": 9, "aggregates": 2, "chain": "ab", "kept_heads": 3, "kept_to": 7}
    assert "3 heads that were kept outside of the database say the same, the last at position 7" in words(found)
    one = words(found | {"kept_heads": 1})
    assert "1 head that was kept outside of the database says the same, at position 7: up to there" in one
    assert words(found | {"kept_heads": 0}).count("\n") == 0


@pytest.mark.parametrize(
    "content", [b"", b"127.0.0.1 localhost\n", b"{}\n", b"[]\n", b"\x7fELF\xd0", b'{"ledger": 7}\n']
)
def test_a_file_that_holds_no_history_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dump.json").write_bytes(content)
    with pytest.raises(Stop, match=r"dump\.json is no dump of a ledger") as stopped:
        verified(Settings(), [], file=tmp_path / "dump.json")
    assert stopped.value.exit_code == Exit.USAGE


def test_an_event_of_a_dump_that_is_none_is_where_history_ends_to_hold(tmp_path: Path) -> None:
    head = {"ledger": str(UUID(int=1)), "position": 1, "chain": "00" * 32}
    (tmp_path / "dump").write_text(f"{json.dumps(head)}\nno event\n")
    with pytest.raises(Stop, match="position 1: what stands there is no event") as stopped:
        verified(Settings(), [], file=tmp_path / "dump")
    assert stopped.value.exit_code == Exit.NOT_VERIFIED


@pytest.mark.parametrize("content", [b"[1]", b"{}", b"\xff"])
def test_a_file_that_is_no_head_is_named(tmp_path: Path, content: bytes) -> None:
    dump = tmp_path / "dump"
    dump.write_text(json.dumps({"ledger": str(UUID(int=1)), "position": 0, "chain": "00" * 32}))
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "1.json").write_bytes(content)
    with pytest.raises(Stop, match=r"1\.json is no head of a ledger"):
        verified(Settings(), [], file=dump, heads=tmp_path / "heads")
