"""What every Secrets promises about invitations, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID

from commands.ports import Secrets
from tests.ground import NOW
from tests.infra.test_secrets_contract import ACME, ANN, BEN, Desk, RealDesk, claims, desk, real

__all__ = ["desk", "real"]

FIRST, SECOND, CELLS = UUID(int=91), UUID(int=92), UUID(int=20)
DAN = "dan@example.org"


def opens(id: UUID = FIRST, email: str = DAN, target: UUID = ACME, by: UUID = ANN) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.open_invitation(id, email, target, ACME, by, NOW + timedelta(days=7))


def closes(id: UUID = FIRST) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.close_invitation(id)


def test_an_invitation_is_found_by_address_and_target_however_the_address_is_written(desk: Desk) -> None:
    assert desk.look().invitation_to(ACME, DAN) is None
    assert desk.give(opens()) == "accepted"
    assert desk.look().invitation_to(ACME, " DAN@Example.org") == FIRST
    assert desk.look().invitation_to(CELLS, DAN) is None
    assert desk.look().invitation_to(ACME, "ben@example.org") is None


def test_one_is_pending_for_each_address_and_target(desk: Desk) -> None:
    desk.give(opens())
    assert desk.give(opens(SECOND)) == "taken"
    assert desk.give(opens(SECOND, target=CELLS)) == "accepted"
    assert desk.give(closes(), opens(UUID(int=93))) == "accepted"
    assert desk.look().invitation_to(ACME, DAN) == UUID(int=93)


def test_those_to_a_person_are_those_to_its_addresses(desk: Desk) -> None:
    desk.give(opens(), opens(SECOND, target=CELLS), claims(DAN, BEN))
    assert set(desk.look().invitations_to(BEN)) == {FIRST, SECOND}
    assert list(desk.look().invitations_to(ANN)) == []


def test_those_that_a_person_sent_are_known_while_they_are_pending(desk: Desk) -> None:
    desk.give(opens(), opens(SECOND, target=CELLS, by=BEN))
    assert list(desk.look().invitations_by(ANN)) == [FIRST]
    desk.give(closes())
    assert list(desk.look().invitations_by(ANN)) == []


def test_those_into_one_thing_are_known_while_they_are_pending(desk: Desk) -> None:
    desk.give(opens(), opens(SECOND, target=CELLS))
    assert list(desk.look().invitations_into(CELLS)) == [SECOND]
    desk.give(closes(SECOND))
    assert list(desk.look().invitations_into(CELLS)) == []


def test_an_address_counts_once_for_an_organization(desk: Desk) -> None:
    desk.give(opens(), opens(SECOND, target=CELLS), opens(UUID(int=93), email="ben@example.org"))
    assert desk.look().addresses_invited(ACME, "x@example.org") == 2
    assert desk.look().addresses_invited(ACME, DAN) == 1
    assert desk.look().addresses_invited(CELLS, "x@example.org") == 0
    desk.give(closes(UUID(int=93)))
    assert desk.look().addresses_invited(ACME, DAN) == 0


def test_an_address_stands_in_no_append(desk: Desk) -> None:
    assert "dan@" not in str(desk.sides(opens()))


def test_what_is_closed_has_no_address_and_waits_to_be_settled(real: RealDesk) -> None:
    invitations = real.accounts.invitations
    real.give(opens(), opens(SECOND, target=CELLS))
    assert invitations.over() == []
    real.give(closes())
    assert invitations.over() == [FIRST]
    invitations.settle([FIRST, SECOND])
    assert invitations.over() == []
    assert invitations.to(CELLS, DAN) == SECOND


def test_those_whose_time_is_over_are_told_until_they_are_closed_or_have_more(real: RealDesk) -> None:
    past = NOW - timedelta(days=3_650)
    invitations = real.accounts.invitations
    real.give(lambda secrets: secrets.open_invitation(FIRST, DAN, ACME, ACME, ANN, past))
    real.give(lambda secrets: secrets.open_invitation(SECOND, DAN, CELLS, ACME, ANN, past))
    assert set(invitations.expired()) == {FIRST, SECOND}
    real.give(lambda secrets: secrets.extend_invitation(FIRST, NOW + timedelta(days=36_500)))
    assert invitations.expired() == [SECOND]
    real.give(closes(SECOND))
    assert invitations.expired() == []


def test_of_two_that_invite_at_once_one_wins(real: RealDesk) -> None:
    both, verdicts = Barrier(2), list[str]()

    def send(sides: list[object]) -> None:
        both.wait()
        verdicts.append(real.append(sides))

    racers = [Thread(target=send, args=(real.sides(opens(id)),)) for id in (FIRST, SECOND)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(verdicts) == ["accepted", "taken"]
