"""A short round of `make faults`: users, a training, a fault of several kinds, and a judgement of all that there is."""

import random
from typing import Final

import pytest

from tests.faults import breaking, inflicting
from tests.faults.rounds import play
from tests.faults.town import peopled
from tests.faults.wishing import KINDS

pytestmark = [pytest.mark.slow, pytest.mark.connected]
FAULTS: Final = ("cut postgres", "hush nats", "stop projector", "stream without its last message")
SHARE: Final = 0.1
EPOCHS: Final = 12


@pytest.mark.timeout(420)
def test_whatever_is_done_to_it_everything_is_there_exactly_once() -> None:
    faults = inflicting.table() | breaking.table()
    with peopled(random.Random(1), EPOCHS, frozenset()) as town:
        judgement = play(town, [faults[name] for name in FAULTS], seed=1, share=SHARE)
    assert judgement.found == [], judgement.words()
    assert judgement.kinds.keys() == KINDS.keys(), judgement.words()
    assert judgement.shut_out > 0
    assert judgement.reads > 0
