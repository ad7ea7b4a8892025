"""What every Secrets promises about second factors, asked of the real one and of the double that stands in for it."""

import base64
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from commands.ports import Secrets
from domain.session import Means
from infra.embedded.passwords import write_private
from infra.keys import PersonKeys
from infra.ledger import Append
from infra.migrate import migrate_keys
from infra.provision import KEYS
from infra.rotation import rotate
from infra.second_factors import (
    LETTERS,
    RECOVERY_CODES,
    SECONDS,
    SecondFactors,
    code_at,
    new_recovery_codes,
    step_of,
)
from infra.wiring import master_key
from tests.doubles import secret_of
from tests.ground import NOW, ground
from tests.infra.test_secrets_contract import ANN, BEN, Desk, RealDesk, desk, real
from tests.servers import Databases

__all__ = ["desk", "real"]

UNTIL = NOW + timedelta(minutes=15)
CODES = ("2345-6789-abcd", "bcde-fghj-kmnp")


def offers(person: UUID = ANN) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.offer_second_factor(person, UNTIL)


def confirms(code: str, person: UUID = ANN, at: datetime = NOW) -> Callable[[Secrets], None]:
    def wish(secrets: Secrets) -> None:
        assert secrets.confirm_second_factor(person, code, at)

    return wish


def uses(code: str, means: Means | None, person: UUID = ANN, at: datetime = NOW) -> Callable[[Secrets], None]:
    def wish(secrets: Secrets) -> None:
        assert secrets.use_code(person, code, at) is means

    return wish


def keeps(*codes: str, person: UUID = ANN) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.keep_recovery_codes(person, codes)


def drops(person: UUID = ANN) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.drop_second_factor(person)


def secret(desk: Desk, person: UUID = ANN) -> bytes:
    """As the person scans it."""
    if not isinstance(desk, RealDesk):
        return secret_of(person)
    offered = desk.factors.offered(person, "ann@example.org")
    assert offered is not None
    return base64.b32decode(offered.secret)


def code(secret: bytes, steps: int = 0) -> str:
    return code_at(secret, int(NOW.timestamp()) // SECONDS + steps).decode()


@pytest.fixture
def known(desk: Desk) -> bytes:
    """Ann's, on, with its recovery codes; its last code is the one of the step before."""
    assert desk.give(offers()) == "accepted"
    known = secret(desk)
    assert desk.give(confirms(code(known, -1)), keeps(*CODES)) == "accepted"
    return known


@pytest.mark.parametrize(
    ("at", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(at: int, expected: str) -> None:
    assert code_at(b"12345678901234567890", at // SECONDS).decode() == expected


def test_what_is_offered_is_good_for_nothing_until_a_code_confirms_it(desk: Desk) -> None:
    desk.give(offers())
    known = secret(desk)
    assert desk.look().use_code(ANN, code(known), NOW) is None
    assert not desk.look().confirm_second_factor(ANN, "000000" if code(known) != "000000" else "000001", NOW)
    assert not desk.look().confirm_second_factor(BEN, code(known), NOW)
    assert desk.give(confirms(code(known))) == "accepted"
    assert not desk.look().confirm_second_factor(ANN, code(known, 1), NOW), "once"
    assert desk.look().use_code(ANN, code(known, 1), NOW) is Means.TOTP


def test_what_is_offered_waits_for_a_while_only(desk: Desk) -> None:
    desk.give(offers())
    known, late = secret(desk), int(UNTIL.timestamp()) // SECONDS
    assert not desk.look().confirm_second_factor(ANN, code_at(known, late).decode(), UNTIL)


def test_of_two_offers_the_later_counts(desk: Desk) -> None:
    desk.give(offers())
    stale = desk.sides(confirms(code(secret(desk))))
    desk.give(offers())
    assert desk.append(stale) == "taken", "whoever confirms the one does not turn on the other"
    assert desk.give(confirms(code(secret(desk)))) == "accepted"


@pytest.mark.parametrize(("steps", "means"), [(-2, None), (0, Means.TOTP), (1, Means.TOTP), (2, None)])
def test_a_clock_may_be_wrong_by_one_step(desk: Desk, known: bytes, steps: int, means: Means | None) -> None:
    assert desk.look().use_code(ANN, code(known, steps), NOW) is means


def test_a_code_is_good_once_and_none_before_it_any_more(desk: Desk, known: bytes) -> None:
    assert desk.look().use_code(ANN, code(known, -1), NOW) is None, "it was used to confirm"
    assert desk.give(uses(code(known, 1), Means.TOTP)) == "accepted"
    for steps in (-1, 0, 1):
        assert desk.look().use_code(ANN, code(known, steps), NOW) is None
    later = NOW + timedelta(seconds=SECONDS)
    assert desk.look().use_code(ANN, code(known, 2), later) is Means.TOTP


def test_a_code_of_a_refused_command_is_not_used_up(desk: Desk, known: bytes) -> None:
    sides = desk.sides(uses(code(known), Means.TOTP), uses(CODES[0], Means.RECOVERY_CODE))
    assert desk.append([*sides, *desk.sides(uses(CODES[0], Means.RECOVERY_CODE))]) == "taken"
    assert desk.give(uses(code(known), Means.TOTP), uses(CODES[0], Means.RECOVERY_CODE)) == "accepted"


@pytest.mark.parametrize("typed", ["{0} ", " {1}{2} ", "{1} {2}"])
def test_a_code_may_be_typed_in_groups(desk: Desk, known: bytes, typed: str) -> None:
    whole = code(known)
    assert desk.look().use_code(ANN, typed.format(whole, whole[:3], whole[3:]), NOW) is Means.TOTP


@pytest.mark.parametrize("guess", ["", "0", "٠١٢٣٤٥", "\udcff\udcff\udcff", "x" * 10_000, "2345-6789-abce", "\x00"])
def test_what_is_no_code_is_good_for_nothing(desk: Desk, known: bytes, guess: str) -> None:
    assert desk.look().use_code(ANN, guess, NOW) is None


@pytest.mark.parametrize("typed", ["2345-6789-abcd", "2345 6789 ABCD", "23456789abcd", " 2345-6789-abcd\n"])
def test_a_recovery_code_is_good_once_however_it_is_typed(desk: Desk, known: bytes, typed: str) -> None:
    assert desk.give(uses(typed, Means.RECOVERY_CODE)) == "accepted"
    assert desk.look().use_code(ANN, typed, NOW) is None
    assert desk.look().use_code(ANN, CODES[1], NOW) is Means.RECOVERY_CODE


def test_recovery_codes_are_their_owner_s_and_new_ones_take_their_place(desk: Desk, known: bytes) -> None:
    desk.give(offers(BEN))
    desk.give(confirms(code(secret(desk, BEN)), BEN), keeps("9999-9999-9999", person=BEN))
    assert desk.look().use_code(BEN, CODES[0], NOW) is None
    desk.give(keeps("wxyz-wxyz-wxyz"))
    assert desk.look().use_code(ANN, CODES[0], NOW) is None
    assert desk.look().use_code(ANN, "wxyz-wxyz-wxyz", NOW) is Means.RECOVERY_CODE
    assert desk.look().use_code(BEN, "9999-9999-9999", NOW) is Means.RECOVERY_CODE


@pytest.mark.parametrize("how", ["dropped", "forgotten"])
def test_what_is_dropped_or_forgotten_is_good_for_nothing(desk: Desk, known: bytes, how: str) -> None:
    assert desk.give(drops() if how == "dropped" else lambda secrets: secrets.forget(ANN)) == "accepted"
    for each in (code(known), CODES[0]):
        assert desk.look().use_code(ANN, each, NOW) is None


@pytest.mark.parametrize("which", ["totp", "recovery"])
def test_of_two_that_use_a_code_at_once_one_wins(desk: Desk, known: bytes, which: str) -> None:
    wish = uses(code(known), Means.TOTP) if which == "totp" else uses(CODES[0], Means.RECOVERY_CODE)
    both = [desk.sides(wish), desk.sides(wish)]
    at_once = Barrier(2)

    def append(sides: list[Any]) -> str:
        at_once.wait()
        return desk.append(sides)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(append, both)) == ["accepted", "taken"]


def test_neither_secret_nor_code_goes_into_the_append_in_the_open(real: RealDesk) -> None:
    sides = real.sides(offers(), keeps(*CODES))
    real.append(sides)
    known, written = secret(real), str(sides).casefold()
    for form in (known.hex(), base64.b32encode(known).decode().casefold(), CODES[0], CODES[0].replace("-", "")):
        assert form not in written


def test_steps_are_compared_one_after_another_to_the_last() -> None:
    """Two steps may have one code; the later counts, so that it is used up for both."""
    known, now = b"12345678901234567890", datetime.fromtimestamp(59, UTC)
    assert step_of(known, "287082", now, 0) == 1
    assert step_of(known, "287082", now, 1) is None


def test_recovery_codes_are_ten_that_differ_in_letters_that_nobody_confuses() -> None:
    made = new_recovery_codes()
    assert len(set(made)) == len(made) == RECOVERY_CODES == 10
    assert {len(each) for each in made} == {14}
    assert set("".join(made)) - {"-"} <= set(LETTERS)
    assert not set("01ilo") & set(LETTERS)
    assert not set(made) & set(new_recovery_codes())


def test_where_the_key_of_its_person_is_gone_the_secret_is_too(real: RealDesk) -> None:
    real.give(offers())
    known = secret(real)
    real.give(confirms(code(known, -1)), keeps(*CODES))
    real.factors.keys.erase(ANN)
    assert real.look().use_code(ANN, code(known), NOW) is None
    assert real.look().use_code(ANN, CODES[0], NOW) is Means.RECOVERY_CODE


def test_under_a_new_master_key_a_code_is_good_as_before(
    fresh_database: Callable[[], Databases], tmp_path: Path
) -> None:
    databases = fresh_database()
    migrate_keys(databases.keys_owner_url, KEYS)
    master = write_private(tmp_path / "person-keys", os.urandom(32))

    @contextmanager
    def factors() -> Iterator[SecondFactors]:
        with ConnectionPool(databases.app_url) as pool, ConnectionPool(databases.keys_url) as keys:
            yield SecondFactors(pool, hand.id, PersonKeys(keys, master_key(master)), b"pepper")

    def append(side: Any) -> str:
        return hand.ledger.append([Append(uuid7(), b"", {"id": "x"}, hand.events(1), sides=[side])])[0].verdict

    with ground(databases) as hand:
        with factors() as before:
            assert append(before.offer(ANN, UNTIL)) == "accepted"
            offered = before.offered(ANN, "ann@example.org")
            assert offered is not None
            known = base64.b32decode(offered.secret)
            assert append(before.confirm(ANN, code(known, -1), NOW)) == "accepted"
        assert rotate(databases.keys_url, master) == 1
        with factors() as after:
            assert after.use(ANN, code(known), NOW)[0] is Means.TOTP
