"""Threads that are shared: nobody who asks for much keeps the others waiting."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from threading import Event

import pytest

from infra.turns import Turns

SOON = 10.0


@pytest.fixture
def turns() -> Iterator[Turns]:
    shared = Turns(2, 1, "test")
    yield shared
    shared.close()


def test_one_owner_has_only_its_share_so_that_another_finds_a_thread(turns: Turns) -> None:
    gate, began = Event(), Event()
    held = turns.submit("a", lambda: gate.wait(SOON))
    queued = turns.submit("a", began.set)
    assert turns.submit("b", lambda: "b").result(SOON) == "b"
    assert not began.is_set()
    gate.set()
    queued.result(SOON)
    assert held.result(SOON)


def test_owners_take_turns_however_much_one_of_them_asked_for(turns: Turns) -> None:
    gates, order = (Event(), Event()), list[str]()
    held = [turns.submit(gate, partial(gate.wait, SOON)) for gate in gates]
    asked = [turns.submit(owner, partial(order.append, owner)) for owner in ("a", "a", "a", "b")]
    gates[0].set()
    for each in asked:
        each.result(SOON)
    assert order == ["a", "b", "a", "a"]
    gates[1].set()
    assert all(each.result(SOON) for each in held)


def test_what_fails_frees_its_thread_and_says_why(turns: Turns) -> None:
    def fail() -> None:
        raise LookupError("it is not there")

    with pytest.raises(LookupError):
        turns.submit("a", fail).result(SOON)
    assert turns.submit("a", lambda: 1).result(SOON) == 1


def test_what_has_not_begun_at_the_end_never_does(turns: Turns) -> None:
    gate = Event()
    held = turns.submit("a", lambda: gate.wait(SOON))
    queued = turns.submit("a", lambda: 1)
    queued.add_done_callback(lambda _: gate.set())
    turns.close()
    assert held.result(SOON)
    with pytest.raises(CancelledError):
        queued.result(SOON)
    with pytest.raises(RuntimeError):
        turns.submit("a", lambda: 1)
