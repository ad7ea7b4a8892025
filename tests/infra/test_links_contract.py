"""What every Secrets promises about one-use links, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest

from commands.ports import Link, Purpose, Secrets
from tests.doubles import link_token
from tests.ground import NOW
from tests.infra.test_secrets_contract import ANN, BEN, Desk, RealDesk, desk, real

__all__ = ["desk", "real"]

UNTIL = NOW + timedelta(hours=1)
RESET, INVITATION = Purpose.PASSWORD_RESET, Purpose.INVITATION


def opens(
    subject: UUID, number: int = 1, purpose: Purpose = RESET, *, later: timedelta = timedelta()
) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.open_link(purpose, subject, number, NOW + later, UNTIL + later)


def uses(subject: UUID, number: int = 1, purpose: Purpose = RESET) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.use_link(link_token(purpose, subject, number))


def closes(subject: UUID, purpose: Purpose = RESET) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.close_links(purpose, subject)


def found(desk: Desk, subject: UUID, number: int = 1, purpose: Purpose = RESET) -> Link | None:
    return desk.look().link(purpose, link_token(purpose, subject, number))


def test_a_link_is_there_once_its_command_is_appended(desk: Desk) -> None:
    sides = desk.sides(opens(ANN))
    assert found(desk, ANN) is None
    assert desk.append(sides) == "accepted"
    assert found(desk, ANN) == Link(subject=ANN, expires_at=UNTIL)


@pytest.mark.parametrize("guess", ["", "guess", "ä", "\udcff", "x" * 10_000, link_token(RESET, ANN, 2)])
def test_a_token_that_was_never_sent_is_for_nothing(desk: Desk, guess: str) -> None:
    desk.give(opens(ANN))
    assert desk.look().link(RESET, guess) is None


def test_a_link_is_good_for_its_own_purpose_only(desk: Desk) -> None:
    desk.give(opens(ANN))
    token = link_token(RESET, ANN, 1)
    assert desk.look().link(INVITATION, token) is None
    assert link_token(INVITATION, ANN, 1) != token


def test_a_link_that_was_used_is_gone(desk: Desk) -> None:
    desk.give(opens(ANN), opens(BEN))
    assert desk.give(uses(ANN)) == "accepted"
    assert found(desk, ANN) is None
    assert found(desk, BEN) is not None


def test_a_second_use_is_a_lost_race(desk: Desk) -> None:
    desk.give(opens(ANN))
    first, second = desk.sides(uses(ANN)), desk.sides(uses(ANN))
    assert [desk.append(first), desk.append(second)] == ["accepted", "taken"]


def test_a_lost_race_leaves_nothing(desk: Desk) -> None:
    desk.give(opens(ANN))
    assert desk.give(opens(BEN), uses(ANN), uses(ANN)) == "taken"
    assert found(desk, BEN) is None
    assert found(desk, ANN) is not None


def test_links_are_closed_by_whom_and_what_they_are_for(desk: Desk) -> None:
    desk.give(opens(ANN, 1), opens(ANN, 2), opens(ANN, 1, INVITATION), opens(BEN))
    assert desk.give(closes(ANN)) == "accepted"
    assert [found(desk, ANN, 1), found(desk, ANN, 2)] == [None, None]
    assert found(desk, ANN, 1, INVITATION) is not None
    assert found(desk, BEN) is not None


def test_a_link_that_was_closed_cannot_be_used_any_more(desk: Desk) -> None:
    desk.give(opens(ANN))
    late = desk.sides(uses(ANN))
    desk.give(closes(ANN))
    assert desk.append(late) == "taken"


def test_earlier_links_are_closed_with_the_command_that_opens_another(desk: Desk) -> None:
    desk.give(opens(ANN, 1))
    desk.give(closes(ANN), opens(ANN, 2))
    assert found(desk, ANN, 1) is None
    assert found(desk, ANN, 2) is not None


def test_no_link_of_an_erased_person_is_left(desk: Desk) -> None:
    desk.give(opens(ANN), opens(BEN))
    desk.give(lambda secrets: secrets.forget(ANN))
    assert found(desk, ANN) is None
    assert found(desk, BEN) is not None


def test_closing_what_is_not_there_is_no_mistake(desk: Desk) -> None:
    assert desk.give(closes(ANN)) == "accepted"


def test_one_link_is_opened_once(desk: Desk) -> None:
    assert desk.give(opens(ANN)) == "accepted"
    assert desk.give(opens(ANN)) == "taken"


def test_a_token_goes_into_no_append(desk: Desk) -> None:
    assert link_token(RESET, ANN, 1) not in str(desk.sides(opens(ANN), uses(ANN), closes(ANN)))


def test_of_two_uses_at_once_one_wins(real: RealDesk) -> None:
    for number in range(10):
        real.give(opens(ANN, number))
        both, verdicts = Barrier(2), list[str]()

        def use(sides: list[object], both: Barrier = both, verdicts: list[str] = verdicts) -> None:
            both.wait()
            verdicts.append(real.append(sides))

        racers = [Thread(target=use, args=(real.sides(uses(ANN, number)),)) for _ in range(2)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(verdicts) == ["accepted", "taken"]


def test_what_expired_a_month_ago_makes_room_for_others(real: RealDesk) -> None:
    real.give(opens(ANN))
    real.give(opens(BEN, 1, later=timedelta(days=29)))
    assert found(real, ANN) is not None
    real.give(opens(BEN, 2, later=timedelta(days=31)))
    assert found(real, ANN) is None
    assert found(real, BEN) is not None
