"""What every Secrets promises, asked of the real one and of the double that stands in for it."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from uuid_utils.compat import uuid7

from commands.ports import Registration, Secrets
from domain.language import Language
from domain.values import Erased
from infra import secrets
from infra.api_tokens import ApiTokens
from infra.common_passwords import PasswordIsCommon
from infra.known import Known
from infra.ledger import Append
from infra.links import Links
from infra.mapper import Mapper
from infra.registrations import Registrations
from infra.second_factors import SecondFactors
from infra.secrets import Accounts, UnitSecrets
from infra.unit import Errand, Unit
from tests.doubles import LINK_KEY, MemoryKeys, MemoryLedger, MemorySecrets
from tests.ground import NOW, Hand, ground
from tests.servers import Databases
from tests.spec import NOBODY

ANN, BEN, ACME = UUID(int=1), UUID(int=2), UUID(int=3)
AT_FULL_COST = secrets._hasher


@dataclass
class Desk:
    """Where commands are given: each has secrets of its own, and what they write is appended with its events."""

    hand: Hand
    secrets_of: Callable[[Unit], Secrets]

    def unit(self) -> Unit:
        return Unit(self.hand.ledger, Mapper(self.hand.id, MemoryKeys()), Errand(NOBODY, NOW, uuid7()))

    def look(self) -> Secrets:
        return self.secrets_of(self.unit())

    def give(self, *wishes: Callable[[Secrets], None]) -> str:
        return self.append(self.sides(*wishes))

    def sides(self, *wishes: Callable[[Secrets], None]) -> list[Any]:
        unit = self.unit()
        for wish in wishes:
            wish(self.secrets_of(unit))
        return list(unit.sides)

    def append(self, sides: list[Any]) -> str:
        return self.hand.ledger.append([Append(uuid7(), b"", {"id": "x"}, self.hand.events(1), sides=sides)])[0].verdict


@dataclass
class RealDesk(Desk):
    accounts: Accounts
    tokens: ApiTokens
    pool: ConnectionPool
    factors: SecondFactors

    def hash_of(self, person: UUID) -> str:
        with self.pool.connection() as connection:
            row = connection.execute("SELECT hash FROM secrets.passwords WHERE person_id = %s", [person]).fetchone()
        assert row
        return str(row[0])


def claims(email: str, person: UUID) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.claim_email(email, person)


def sets(password: str, person: UUID) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.set_password(person, password, ("ann.lee@example.org", Erased()))


@pytest.fixture
def real(fresh_database: Callable[[], Databases]) -> Iterator[RealDesk]:
    databases = fresh_database()
    with ground(databases) as hand, ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        accounts = Accounts(pool, os.urandom(32))
        waiting = Registrations(pool, MemoryKeys())
        tokens = ApiTokens(pool, hand.ledger, Mapper(hand.id, MemoryKeys()), Known())
        factors = SecondFactors(pool, hand.id, MemoryKeys(), os.urandom(32))
        others = Links(pool, LINK_KEY), tokens, factors, waiting
        yield RealDesk(hand, lambda unit: UnitSecrets(accounts, *others, unit), accounts, tokens, pool, factors)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def desk(request: pytest.FixtureRequest) -> Desk:
    if request.param == "real":
        real: Desk = request.getfixturevalue("real")
        return real
    ledger = MemoryLedger(UUID(int=9))
    return Desk(Hand(ledger, ledger.ledger), lambda unit: MemorySecrets(ledger, unit.sides))


def test_nobody_has_an_address_that_was_never_claimed(desk: Desk) -> None:
    assert desk.look().person_of("ann@example.org") is None


def test_an_address_names_its_person_once_the_command_is_appended(desk: Desk) -> None:
    sides = desk.sides(claims("ann@example.org", ANN))
    assert desk.look().person_of("ann@example.org") is None
    assert desk.append(sides) == "accepted"
    assert desk.look().person_of("ann@example.org") == ANN
    assert desk.look().person_of("ben@example.org") is None


@pytest.mark.parametrize("written", ["Ann@Example.ORG", "  ann@example.org\n", "ａｎｎ@example.org"])
def test_an_address_is_the_same_however_it_is_written(desk: Desk, written: str) -> None:
    desk.give(claims("ann@example.org", ANN))
    assert desk.look().person_of(written) == ANN
    assert desk.give(claims(written, BEN)) == "taken"


def test_an_address_that_is_taken_stays_with_whom_it_named_first(desk: Desk) -> None:
    assert desk.give(claims("ann@example.org", ANN)) == "accepted"
    assert desk.give(claims("ben@example.org", BEN), claims("ann@example.org", BEN)) == "taken"
    assert desk.look().person_of("ann@example.org") == ANN
    assert desk.look().person_of("ben@example.org") is None


def test_one_command_claims_an_address_once(desk: Desk) -> None:
    assert desk.give(claims("ann@example.org", ANN), claims("ANN@example.org", BEN)) == "taken"
    assert desk.look().person_of("ann@example.org") is None


def test_a_person_may_have_several_addresses(desk: Desk) -> None:
    desk.give(claims("ann@example.org", ANN))
    desk.give(claims("ann@example.com", ANN))
    assert desk.look().person_of("ann@example.org") == desk.look().person_of("ann@example.com") == ANN


def test_a_person_who_moves_leaves_every_address_of_before_to_others(desk: Desk) -> None:
    def moves(email: str, person: UUID) -> Callable[[Secrets], None]:
        return lambda secrets: secrets.move_email(email, person)

    desk.give(claims("ann@example.org", ANN), claims("ann@example.com", ANN))
    desk.give(claims("ben@example.org", BEN))
    assert desk.give(moves("ben@example.org", ANN)) == "taken"
    assert desk.give(moves("ANN@example.com", ANN)) == "accepted"
    assert [desk.look().person_of(f"{name}@example.org") for name in ("ann", "ben")] == [None, BEN]
    assert desk.look().person_of("ann@example.com") == ANN
    assert desk.give(moves("ann@example.org", BEN)) == "accepted"
    assert desk.look().person_of("ann@example.org") == BEN


def test_a_person_who_is_forgotten_leaves_its_addresses_to_others(desk: Desk) -> None:
    desk.give(claims("ann@example.org", ANN), claims("ann@example.com", ANN))
    desk.give(claims("ben@example.org", BEN))
    assert desk.give(lambda secrets: secrets.forget(ANN)) == "accepted"
    assert [desk.look().person_of(f"{name}@example.org") for name in ("ann", "ben")] == [None, BEN]
    assert desk.give(claims("ann@example.org", BEN)) == "accepted"


def test_an_avatar_name_is_given_once_and_is_nobody_elses_after_the_person_went(desk: Desk) -> None:
    def names(person: UUID, name: str = "red-fox-1") -> Callable[[Secrets], None]:
        return lambda secrets: secrets.claim_avatar_name(name, person)

    assert not desk.look().has_avatar_name("red-fox-1")
    assert desk.give(names(ANN)) == "accepted"
    assert desk.look().has_avatar_name("red-fox-1")
    assert desk.give(names(BEN)) == "taken"
    assert desk.give(lambda secrets: secrets.forget(ANN)) == "accepted"
    assert desk.give(names(BEN)) == "taken"
    assert desk.give(names(BEN, "red-fox-2")) == "accepted"


def test_neither_address_nor_password_goes_into_the_append_in_the_open(desk: Desk) -> None:
    written = str(desk.sides(claims("Ann@example.org", ANN), sets("correct horse battery", ANN)))
    for open_word in ("correct horse", "example.org"):
        assert open_word not in written.casefold()


def test_equal_passwords_are_not_seen_to_be_equal(desk: Desk) -> None:
    (first,), (second,) = desk.sides(sets("correct horse", ANN)), desk.sides(sets("correct horse", BEN))
    assert first["hash"] != second["hash"]


@pytest.mark.parametrize("password", ["password12345", "ann.lee@example.org", "Example.org1"])
def test_a_password_that_is_tried_first_is_not_set(desk: Desk, password: str) -> None:
    with pytest.raises(PasswordIsCommon) as refused:
        desk.give(sets(password, ANN))
    assert password not in str(refused.value)


def test_a_hash_under_weaker_parameters_gives_way_when_its_person_signs_in(
    real: RealDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_hasher", AT_FULL_COST)
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8_192),)).hash("correct horse")
    real.give(claims("ann@example.org", ANN))
    real.append([{"kind": "password", "person_id": str(ANN), "hash": weak}])
    before = real.hand.ledger.head()
    assert real.accounts.authenticate("ann@example.org", "not this one") is None
    assert real.hash_of(ANN) == weak
    assert real.accounts.authenticate("ann@example.org", "correct horse") == (ANN, 0)
    strong = real.hash_of(ANN)
    assert strong.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert real.accounts.authenticate("ann@example.org", "correct horse") == (ANN, 0)
    assert real.hash_of(ANN) == strong, "and is not made again each time"
    assert real.hand.ledger.head() == before, "nothing has happened"


def test_a_hash_that_was_set_meanwhile_is_not_put_back(real: RealDesk) -> None:
    real.give(claims("ann@example.org", ANN), sets("second horse", ANN))
    real.accounts._rehash(ANN, "the hash of the first", "a better one of the first")
    assert real.accounts.authenticate("ann@example.org", "second horse") == (ANN, 0)


def test_a_password_lets_in_whom_it_was_set_for(real: RealDesk) -> None:
    real.give(claims("ann@example.org", ANN), sets("correct horse", ANN))
    real.give(claims("ben@example.org", BEN), sets("other horse", BEN))
    assert real.accounts.authenticate(" ANN@example.org", "correct horse") == (ANN, 0)
    for email, password in (
        ("ann@example.org", "other horse"),
        ("ann@example.org", ""),
        ("eve@example.org", "correct horse"),
    ):
        assert real.accounts.authenticate(email, password) is None


def test_of_two_passwords_the_later_counts(real: RealDesk) -> None:
    real.give(claims("ann@example.org", ANN), sets("first horse", ANN))
    real.give(sets("second horse", ANN))
    assert real.accounts.authenticate("ann@example.org", "first horse") is None
    assert real.accounts.authenticate("ann@example.org", "second horse") == (ANN, 0)


def test_no_secret_of_a_person_who_is_forgotten_stays(real: RealDesk) -> None:
    real.give(claims("ann@example.org", ANN), sets("first horse", ANN))
    real.give(claims("ben@example.org", BEN), sets("other horse", BEN))
    real.give(lambda secrets: secrets.forget(ANN))
    assert real.accounts.authenticate("ann@example.org", "first horse") is None
    assert real.accounts.authenticate("ben@example.org", "other horse") == (BEN, 0)
    real.give(claims("ann@example.org", ANN))
    assert real.accounts.authenticate("ann@example.org", "first horse") is None


def test_a_password_of_a_refused_command_is_not_set(real: RealDesk) -> None:
    real.give(claims("ann@example.org", ANN), sets("first horse", ANN))
    assert real.give(sets("second horse", ANN), claims("ann@example.org", BEN)) == "taken"
    assert real.accounts.authenticate("ann@example.org", "first horse") == (ANN, 0)


def begins(session: int, person: UUID) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.begin_session(UUID(int=session), person, ACME, "a" * 64)


def ends(session: int) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.end_session(UUID(int=session))


def test_sessions_are_of_one_person_and_the_latest_comes_first(desk: Desk) -> None:
    for session in (31, 32):
        assert desk.give(begins(session, ANN)) == "accepted"
    desk.give(begins(33, BEN))
    assert list(desk.look().sessions_of(ANN)) == [UUID(int=32), UUID(int=31)]
    assert list(desk.look().sessions_of(BEN)) == [UUID(int=33)]


def test_a_session_that_has_ended_is_none_and_another_goes_on(desk: Desk) -> None:
    desk.give(begins(31, ANN), begins(32, ANN))
    assert desk.give(ends(31), ends(31), ends(39)) == "accepted"
    assert list(desk.look().sessions_of(ANN)) == [UUID(int=32)]


def test_a_session_that_moves_is_still_there(desk: Desk) -> None:
    desk.give(begins(31, ANN))
    assert desk.give(lambda secrets: secrets.move_session(UUID(int=31), BEN)) == "accepted"
    assert list(desk.look().sessions_of(ANN)) == [UUID(int=31)]


def lists_sessions(secrets: Secrets) -> None:
    secrets.every_session_of(ANN)


def test_a_command_that_is_decided_anew_makes_no_other_hash_of_the_same_password(real: RealDesk) -> None:
    first, again, other = (real.sides(sets("correct horse", person))[0] for person in (ANN, ANN, BEN))
    assert first["hash"] == again["hash"] != other["hash"]


def test_many_hashes_are_made_at_once(real: RealDesk) -> None:
    usual, many = sys.getswitchinterval(), 1_000
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda n: real.accounts.hashed(UUID(int=n), "correct horse battery"), range(many)))
    finally:
        sys.setswitchinterval(usual)
    assert len(set(made)) == many


def test_whoever_lists_all_sessions_is_refused_where_another_begins_in_between(desk: Desk) -> None:
    desk.give(begins(31, ANN))
    listed = desk.sides(lists_sessions, ends(31))
    desk.give(begins(32, ANN), begins(33, BEN))
    assert desk.append(listed) == "taken"
    listed = desk.sides(lists_sessions, ends(31), ends(32))
    desk.give(ends(32))
    assert desk.append(listed) == "accepted"
    assert list(desk.look().sessions_of(ANN)) == []


@pytest.mark.parametrize("at", [None, ACME])
def test_whoever_lists_all_api_tokens_is_refused_where_another_is_made_in_between(desk: Desk, at: UUID | None) -> None:
    def makes(number: int, organization: UUID, owner: UUID) -> Callable[[Secrets], None]:
        until = datetime.now(UTC) + timedelta(days=1)
        return lambda secrets: secrets.open_api_token(f"{number:064x}", UUID(int=number), organization, owner, until)

    def lists(secrets: Secrets) -> None:
        secrets.every_api_token_of(at, ANN)

    listed = desk.sides(lists)
    desk.give(makes(41, ACME, BEN))
    desk.give(makes(42, UUID(int=4), ANN))
    assert desk.append(listed) == ("accepted" if at else "taken")
    listed = desk.sides(lists)
    desk.give(makes(43, ACME, ANN))
    assert desk.append(listed) == "taken"


ASKED = Registration(
    person_id=ANN, email="ann@example.org", full_name="Ann Ö", avatar_name="red-fox-1", company="Acme",
    division="Vision", language=Language.KOREAN,
)  # fmt: skip


def holds(registration: Registration) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.hold_registration(registration, NOW, NOW)


def test_what_somebody_gave_is_held_until_the_registration_ends(desk: Desk) -> None:
    assert desk.look().registration(ANN) is None
    assert desk.give(holds(ASKED)) == "accepted"
    assert desk.look().registration(ANN) == ASKED
    assert desk.look().registration(BEN) is None
    assert desk.give(lambda secrets: secrets.end_registration(ANN)) == "accepted"
    assert desk.look().registration(ANN) is None


def test_whoever_is_forgotten_waits_no_more(desk: Desk) -> None:
    desk.give(holds(ASKED), lambda secrets: secrets.forget(BEN))
    assert desk.look().registration(ANN) == ASKED
    desk.give(lambda secrets: secrets.forget(ANN))
    assert desk.look().registration(ANN) is None


def test_what_is_held_is_sealed(real: RealDesk) -> None:
    written = str(real.sides(holds(ASKED))).casefold()
    assert not any(word in written for word in ("example.org", "ann ö", "acme"))
