"""What the platform does by itself, without the ports that only an API has."""

import pytest

from infra.host import Missing, MissingPort


def test_who_uses_a_port_that_is_not_there_is_told_which() -> None:
    with pytest.raises(MissingPort, match="no places here, of which take was asked"):
        Missing("places").take()
