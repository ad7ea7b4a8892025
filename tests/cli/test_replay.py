"""What the command line says of a receipt before it looks at any history."""

import pytest
from pydantic import SecretStr

from cli.exits import Exit, Stop
from cli.replay import verified
from infra.config import Settings


@pytest.mark.parametrize("receipt", ["7", "seven:00", "ledger:", "3:abc", "3:" + "0" * 62])
def test_a_receipt_that_is_none_is_a_fault_of_usage(receipt: str) -> None:
    with pytest.raises(Stop, match="position:chain") as stopped:
        verified(Settings(database_url=SecretStr("postgresql://127.0.0.1:9/none")), [receipt])
    assert stopped.value.exit_code == Exit.USAGE
