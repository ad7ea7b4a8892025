import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from pydantic import SecretStr
from uuid_utils.compat import uuid7

import verifier
from commands.person import RegisterPerson
from infra import event_store, line, locks
from infra.event_store import EventStore
from infra.ledger import Append, Verdict
from infra.line import Line
from infra.mapper import Stored
from tests.doubles import MemoryLedger
from tests.ground import Ground, Hand, backend_at_the_door, ground
from tests.servers import Databases
from tests.spec import Spec

MakeDatabase = Callable[..., Databases]
DOOR = locks.APPEND


@pytest.fixture
def real(fresh_database: MakeDatabase) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


@contextmanager
def closed_door(real: Ground) -> Iterator[psycopg.Connection]:
    """Whoever appends waits, until the lock is given up."""
    with psycopg.connect(real.databases.owner_url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [DOOR])
        yield holder


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def append(stored: Sequence[Stored], *sides: Mapping[str, Any]) -> Append:
    return Append(uuid7(), b"", {"id": "x"}, stored, sides=sides)


class Crowd:
    """A first caller at a door that is closed, and others behind it in the order in which they are named."""

    def __init__(self, line: Line, hands: ThreadPoolExecutor) -> None:
        self.line = line
        self.hands = hands

    def stand(self, commands: Sequence[Append]) -> list[Future[list[Verdict]]]:
        standing = []
        for n, command in enumerate(commands, 1):
            standing.append(self.hands.submit(self.line.append, [command]))
            until(lambda n=n: self.line.waiting == n)  # type: ignore[misc]
        return standing


def test_several_callers_share_one_transaction_in_the_order_in_which_they_came(real: Ground) -> None:
    line = Line(real.ledger)
    events = [real.events(1) for _ in range(12)]
    with ThreadPoolExecutor(16) as hands:
        with closed_door(real) as holder:
            first = hands.submit(line.append, [append(events[0])])
            until(lambda: backend_at_the_door(holder))
            others = Crowd(line, hands).stand([append(each) for each in events[1:]])
        verdicts = [each.result()[0] for each in (first, *others)]
    assert [(v.verdict, v.position) for v in verdicts] == [("accepted", n) for n in range(1, 13)]
    with psycopg.connect(real.databases.owner_url) as owner:
        found = owner.execute("SELECT xmin::text, count(*) FROM ledger.events GROUP BY 1 ORDER BY 2").fetchall()
    assert [count for _, count in found] == [1, 11]
    assert [row.stored for row in real.ledger.read(0, 20)] == [stored for (stored,) in events]


def test_of_two_in_one_call_who_want_the_same_version_the_first_has_it(real: Ground) -> None:
    line = Line(real.ledger)
    (wanted,) = real.events(1)
    with ThreadPoolExecutor(4) as hands:
        with closed_door(real) as holder:
            hands.submit(line.append, [append(real.events(1))])
            until(lambda: backend_at_the_door(holder))
            first, second, other = Crowd(line, hands).stand(
                [append([wanted]), append([wanted]), append(real.events(1))]
            )
        assert [each.result()[0].verdict for each in (first, second, other)] == ["accepted", "conflict", "accepted"]
    assert real.ledger.head().position == 3


def test_what_cannot_be_stored_is_told_to_its_caller_and_sinks_nobody_else(real: Ground) -> None:
    line = Line(real.ledger)
    with ThreadPoolExecutor(4) as hands:
        with closed_door(real) as holder:
            hands.submit(line.append, [append(real.events(1))])
            until(lambda: backend_at_the_door(holder))
            good, poison, better = Crowd(line, hands).stand(
                [append(real.events(1)), append(real.events(1), {"kind": "no room"}), append(real.events(1))]
            )
        assert [each.result()[0].verdict for each in (good, better)] == ["accepted", "accepted"]
        with pytest.raises(Exception, match="side_no room"):
            poison.result()
    assert real.ledger.head().position == 3


def test_a_connection_that_is_killed_leaves_nobody_waiting_and_nothing_half_done(real: Ground) -> None:
    line = Line(real.ledger)
    lost = append(real.events(3))
    with ThreadPoolExecutor(4) as hands:
        with closed_door(real) as holder:
            first = hands.submit(line.append, [lost])
            until(lambda: backend_at_the_door(holder))
            second, third = Crowd(line, hands).stand([append(real.events(1)), append(real.events(1))])
            holder.execute("SELECT pg_terminate_backend(%s)", [backend_at_the_door(holder)])
            with pytest.raises(OperationalError):
                first.result()
        assert [each.result()[0].verdict for each in (second, third)] == ["accepted", "accepted"]
    assert real.ledger.command(lost.command_id) is None
    assert line.append([lost])[0].verdict == "accepted"
    assert real.ledger.head().position == 5


def test_a_killed_call_is_unknown_to_everybody_who_shared_it(real: Ground) -> None:
    line = Line(real.ledger)
    shared = [append(real.events(1)) for _ in range(3)]
    with ThreadPoolExecutor(4) as hands, closed_door(real) as holder:
        hands.submit(line.append, [append(real.events(1))])
        until(lambda: backend_at_the_door(holder))
        before = backend_at_the_door(holder)
        standing = Crowd(line, hands).stand(shared)
        with psycopg.connect(real.databases.owner_url, autocommit=True) as next_holder:
            let_in(holder, next_holder, before)
            next_holder.execute("SELECT pg_terminate_backend(%s)", [backend_at_the_door(next_holder)])
            for each in standing:
                with pytest.raises(OperationalError):
                    each.result()
    assert [line.append([each])[0].verdict for each in shared] == ["accepted"] * 3
    assert real.ledger.head().position == 4


def let_in(holder: psycopg.Connection, next_holder: psycopg.Connection, waits: int | None) -> None:
    """The one at the door goes in; the next finds it closed by somebody else, who asked in between."""
    asked = next_holder.execute("SELECT pg_backend_pid()").fetchone()
    assert asked
    with ThreadPoolExecutor(1) as hand:
        closing = hand.submit(next_holder.execute, "SELECT pg_advisory_lock(%s)", [DOOR])
        queued = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = %s"
        until(lambda: (holder.execute(queued, asked).fetchone() or [0])[0])
        holder.execute("SELECT pg_advisory_unlock(%s)", [DOOR])
        closing.result()
    until(lambda: backend_at_the_door(next_holder) is not None)


class AnswersLost(MemoryLedger):
    """Stores, and loses the connection before it can say so."""

    losses = 1

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        verdicts = super().append(commands)
        if self.losses:
            self.losses -= 1
            raise OperationalError("the connection is lost")
        return verdicts


def test_a_command_whose_shared_answer_was_lost_is_looked_up_and_done_once() -> None:
    spec = Spec()
    spec.ledger = AnswersLost(spec.ledger.ledger)
    spec.dispatch = replace(spec.dispatch, ledger=Line(spec.ledger))
    accepted = spec.do(
        RegisterPerson(
            person_id=UUID(int=1),
            email="ann@example.org",
            full_name="Ann",
            avatar_name="red-fox-1",
            password=SecretStr("correct horse battery"),
            company="Acme",
            division="Vision",
        )
    )
    assert accepted.position == len(spec.ledger.rows)
    assert len(spec.ledger.commands) == 1


class Slow(MemoryLedger):
    """Notes how many commands come at once, and lets the first call wait."""

    def __init__(self, ledger: UUID) -> None:
        super().__init__(ledger)
        self.go = Event()
        self.calls: list[int] = []

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        self.calls.append(len(commands))
        self.go.wait(30)
        return super().append(commands)


@pytest.mark.parametrize(("most", "calls"), [("MOST_COMMANDS", [1, 4, 4, 1]), ("MOST_BYTES", [1, 3, 3, 3])])
def test_what_shares_a_call_is_bounded_in_count_and_in_bytes(
    monkeypatch: pytest.MonkeyPatch, most: str, calls: list[int]
) -> None:
    ledger = Slow(UUID(int=9))
    hand, shared = Hand(ledger, UUID(int=9)), Line(ledger)
    events = [[stored._replace(state=b"x" * 100) for stored in hand.events(1)] for _ in range(10)]
    monkeypatch.setattr(line, most, 4 if most == "MOST_COMMANDS" else 399)
    with ThreadPoolExecutor(10) as hands:
        first = hands.submit(shared.append, [append(events[0])])
        until(lambda: ledger.calls)
        others = Crowd(shared, hands).stand([append(each) for each in events[1:]])
        ledger.go.set()
        assert [each.result()[0].position for each in (first, *others)] == list(range(1, 11))
    assert ledger.calls == calls


def test_a_caller_with_several_commands_has_all_its_verdicts_from_one_call() -> None:
    ledger = Slow(UUID(int=9))
    hand, shared = Hand(ledger, UUID(int=9)), Line(ledger)
    ledger.go.set()
    many = [append(hand.events(1)) for _ in range(line.MOST_COMMANDS + 5)]
    assert [verdict.position for verdict in shared.append(many)] == list(range(1, len(many) + 1))
    assert ledger.calls == [len(many)]


def test_32_writers_who_conflict_in_line_leave_no_gap_and_one_chain(real: Ground) -> None:
    shared = Line(real.ledger)
    histories = [real.events(60) for _ in range(3)]

    def writer(seed: int) -> list[str]:
        chance = Random(seed)
        return [step(chance) for _ in range(15)]

    def step(chance: Random) -> str:
        history = chance.choice(histories)
        version = len(shared.events_of(history[0].originator_id))
        return shared.append([append(history[version : version + 1] or real.events(1))])[0].verdict

    with ThreadPoolExecutor(32) as writers:
        verdicts = [verdict for said in writers.map(writer, range(32)) for verdict in said]
    accepted = verdicts.count("accepted")
    assert set(verdicts) == {"accepted", "conflict"}
    assert [row.position for row in shared.read(0, 1_000)] == list(range(1, accepted + 1))
    with verifier.stored(real.databases.app_url) as history:
        assert verifier.verify(history).events == shared.head().position == accepted


def waits(real: Ground) -> bool:
    with psycopg.connect(real.databases.owner_url) as holder:
        return backend_at_the_door(holder) is not None


def test_nobody_in_any_process_outruns_who_is_alone(real: Ground) -> None:
    with (
        ThreadPoolExecutor(1) as hands,
        closing(EventStore(real.databases.app_url)) as elsewhere,
        real.ledger.alone() as ledger,
    ):
        other = hands.submit(elsewhere.append, [append(real.events(2))])
        until(lambda: waits(real))
        assert ledger.append([append(real.events(1))])[0].position == 1
        assert not other.done()
    assert other.result()[0].position == 3


def test_who_falls_silent_while_alone_keeps_others_for_no_longer_than_is_said(
    real: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "SILENT_AT_MOST", 1)

    def fall_silent() -> None:
        with real.ledger.alone() as ledger:
            assert real.append(real.events(2)).position == 2, "after a second"
            ledger.append([append(real.events(1))])

    with pytest.raises(OperationalError):
        fall_silent()
    assert real.ledger.head().position == 2
