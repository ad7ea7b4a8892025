"""What the command line says of a receipt before it looks at any history."""

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
    assert words(found | {"kept_heads": 0}).count("\n") == 0
