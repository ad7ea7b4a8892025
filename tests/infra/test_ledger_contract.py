"""What every Ledger promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from infra.ledger import Append
from infra.line import Line
from infra.mapper import LARGEST_STATE, Stored
from tests.doubles import MemoryLedger
from tests.ground import Hand, ground
from tests.servers import Servers

NOTHING: list[Stored] = []


REAL = [pytest.param(name, marks=pytest.mark.connected) for name in ("real", "real, in line")]


@pytest.fixture(params=["double", "double, in line", *REAL])
def hand(request: pytest.FixtureRequest) -> Iterator[Hand]:
    in_line = request.param.endswith("in line")
    if request.param.startswith("double"):
        memory = MemoryLedger(UUID(int=9))
        yield Hand(Line(memory) if in_line else memory, UUID(int=9))
        return
    servers: Servers = request.getfixturevalue("servers")
    databases = servers.fresh_database()
    with ground(databases) as real:
        yield Hand(Line(real.ledger), real.id) if in_line else real
    servers.drop(databases)


def test_an_empty_ledger_has_a_head_at_zero(hand: Hand) -> None:
    head = hand.ledger.head()
    assert (head.ledger, head.generation, head.position) == (hand.id, 1, 0)
    assert hand.ledger.read(0, 10) == []


def test_what_is_appended_is_read_back_in_order(hand: Hand) -> None:
    first, second = hand.events(3), hand.events(2)
    assert (hand.append(first).position, hand.append(second).position) == (3, 5)
    rows = hand.ledger.read(0, 10)
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert [row.stored for row in rows] == [*first, *second]
    assert hand.ledger.events_of(second[0].originator_id) == second
    assert hand.ledger.events_of(first[0].originator_id, after=1) == first[1:]
    assert hand.ledger.events_of(first[0].originator_id, after=1, limit=1) == first[1:2]
    assert rows[-1].chain == hand.ledger.head().chain


def test_several_aggregates_are_read_at_once_each_behind_its_own_version(hand: Hand) -> None:
    first, second, nobody = hand.events(3), hand.events(2), uuid7()
    hand.append(first)
    hand.append(second)
    one, other = first[0].originator_id, second[0].originator_id
    assert hand.ledger.events_of_each({one: 1, nobody: 0, other: 0}, 9) == {one: first[1:], nobody: [], other: second}
    assert hand.ledger.events_of_each({one: 0, other: 2}, 2) == {one: first[:2], other: []}
    assert hand.ledger.events_of_each({}, 9) == {}


def test_an_aggregate_is_read_as_it_was_at_a_position(hand: Hand) -> None:
    first, second = hand.events(2), hand.events(1)
    then = hand.append(first).position
    hand.append(second)
    id, other = first[0].originator_id, second[0].originator_id
    assert hand.ledger.events_of(id, upto=then - 1) == first[:1]
    assert hand.ledger.events_of_each({id: 0, other: 0}, 9, upto=then) == {id: first, other: []}


def test_reading_begins_after_a_position_and_ends_at_a_limit(hand: Hand) -> None:
    hand.write(10)
    assert [row.position for row in hand.ledger.read(4, 3)] == [5, 6, 7]


def test_a_version_that_is_there_already_is_a_conflict(hand: Hand) -> None:
    events = hand.events(2)
    hand.append(events)
    assert hand.append(events[1:]).verdict == "conflict"
    assert hand.ledger.head().position == 2


def test_a_version_that_leaves_one_out_is_a_conflict(hand: Hand) -> None:
    events = hand.events(4)
    hand.append(events[:1])
    assert hand.append(events[2:3]).verdict == "conflict"
    assert hand.append([events[1], events[3]]).verdict == "conflict"


def test_an_aggregate_that_was_read_and_has_changed_is_a_conflict(hand: Hand) -> None:
    read = hand.events(2)
    id = read[0].originator_id
    hand.append(read[:1])
    verdict = hand.ledger.append([Append(uuid7(), b"", {"id": "x"}, hand.events(1), reads=[(id, 0)])])[0]
    assert verdict.verdict == "conflict"
    verdict = hand.ledger.append([Append(uuid7(), b"", {"id": "x"}, hand.events(1), reads=[(id, 1)])])[0]
    assert verdict.verdict == "accepted"


def test_a_command_is_done_once_and_answered_as_before(hand: Hand) -> None:
    command = uuid7()
    done = hand.ledger.append([Append(command, b"print", {"id": "x"}, hand.events(1))])[0]
    hand.write(1)
    again = hand.ledger.append([Append(command, b"other", {"id": "y"}, hand.events(1))])[0]
    assert (done.verdict, again.verdict) == ("accepted", "repeated")
    assert (again.position, again.chain, again.result) == (done.position, done.chain, {"id": "x"})
    assert again.fingerprint == b"print"
    assert hand.ledger.command(command) == again
    assert hand.ledger.head().position == 2


def test_a_command_that_was_never_accepted_is_not_known(hand: Hand) -> None:
    command, events = uuid7(), hand.events(2)
    assert hand.append(events[1:], command).verdict == "conflict"
    assert hand.ledger.command(command) is None
    assert hand.append(events, command).verdict == "accepted"


def test_a_state_over_the_limit_is_refused(hand: Hand) -> None:
    (stored,) = hand.events(1)
    assert hand.append([stored._replace(state=b"x" * (LARGEST_STATE + 1))]).verdict == "too_large"
    assert hand.ledger.head().position == 0


def test_each_command_of_a_list_is_judged_alone(hand: Hand) -> None:
    first, other = hand.events(2), hand.events(1)
    verdicts = hand.ledger.append(
        [
            Append(uuid7(), b"", {"id": "a"}, first[:1]),
            Append(uuid7(), b"", {"id": "b"}, first[:1]),
            Append(uuid7(), b"", {"id": "c"}, [first[1], *other]),
        ]
    )
    assert [v.verdict for v in verdicts] == ["accepted", "conflict", "accepted"]
    assert [v.position for v in verdicts if v.verdict == "accepted"] == [1, 3]
    assert [row.stored for row in hand.ledger.read(0, 9)] == [*first, *other]


def test_an_address_that_is_taken_undoes_the_whole_command(hand: Hand) -> None:
    def claim(person: UUID) -> dict[str, object]:
        return {"kind": "email", "digest": "00ff", "normalisation": 1, "person_id": str(person)}

    def ask(side: dict[str, object]) -> str:
        return hand.ledger.append([Append(uuid7(), b"", {"id": "x"}, hand.events(1), sides=[side])])[0].verdict

    assert ask(claim(UUID(int=1))) == "accepted"
    assert ask(claim(UUID(int=2))) == "taken"
    assert hand.ledger.head().position == 1


def test_what_is_appended_alone_is_there_once_it_is_left(hand: Hand) -> None:
    events = hand.events(2)
    with hand.ledger.alone() as ledger:
        (verdict,) = ledger.append([Append(uuid7(), b"", {"id": "x"}, events)])
        assert ledger.events_of(events[0].originator_id) == events
    assert (verdict.verdict, verdict.position) == ("accepted", 2)
    assert hand.ledger.events_of(events[0].originator_id) == events
    assert hand.append(hand.events(1)).position == 3


def test_whoever_appends_nothing_alone_leaves_nothing_and_keeps_nobody(hand: Hand) -> None:
    with pytest.raises(LookupError), hand.ledger.alone():
        raise LookupError
    assert hand.append(hand.events(1)).position == 1
