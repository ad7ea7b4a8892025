"""Delays on real PostgreSQL: how they grow, whom they bind, and what is forgotten."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from infra.allowance import TooManyRequests
from infra.delays import PACES, Act, Delays, TriedTooOften
from infra.migrate import migrate
from infra.provision import APP
from tests.servers import Databases, Servers

ANN, BEN, NOBODY = b"ann", b"ben", b"nobody"
HOME, CAFE = "10.0.0.1", "10.0.0.2"
PERSON: Final = uuid7()
BOTH, ACCOUNT, NETWORK = PACES[Act.SIGN_IN].values()


class Time:
    """Passes when it is told to."""

    def __init__(self, owner: psycopg.Connection) -> None:
        self.owner = owner

    def passes(self, seconds: float) -> None:
        self.owner.execute(
            "UPDATE secrets.delays SET counted_at = counted_at - d, waits_until = waits_until - d,"
            " known_until = known_until - d, forgotten_at = forgotten_at - d"
            " FROM make_interval(secs => %s) d",
            [seconds],
        )


@pytest.fixture(scope="module")
def ledger(servers: Servers) -> Iterator[Databases]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    yield databases
    servers.drop(databases)


@pytest.fixture(scope="module")
def pool(ledger: Databases) -> Iterator[ConnectionPool]:
    with ConnectionPool(ledger.app_url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=True) as pool:
        yield pool


@pytest.fixture
def owner(ledger: Databases) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger.owner_url, autocommit=True) as owner:
        owner.execute("TRUNCATE secrets.delays")
        yield owner


@pytest.fixture
def time(owner: psycopg.Connection) -> Time:
    return Time(owner)


@pytest.fixture
def delays(pool: ConnectionPool, owner: psycopg.Connection) -> Delays:
    return Delays(pool, b"pepper")


def wait(ask: Callable[[], None]) -> int:
    """How long one is told to wait; 0 where one is let through."""
    try:
        ask()
    except TooManyRequests as refused:
        return int(refused.headers["Retry-After"])
    return 0


def signs_in(delays: Delays, account: bytes = ANN, address: str = HOME) -> int:
    return wait(lambda: delays.take(Act.SIGN_IN, address, account))


def proves(delays: Delays, account: bytes = ANN, address: str = HOME) -> None:
    delays.take(Act.SIGN_IN, address, account)
    delays.forgive(Act.SIGN_IN, address, account, PERSON)


def test_after_a_few_failures_each_next_one_waits_twice_as_long_and_no_longer_than_the_most(
    delays: Delays, time: Time
) -> None:
    assert [signs_in(delays) for _ in range(BOTH.free)] == [0] * BOTH.free
    waits = []
    for _ in range(30):
        waits.append(signs_in(delays))
        time.passes(waits[-1])
        assert signs_in(delays) == 0
    assert waits[:6] == [5, 10, 20, 40, 80, 160]
    assert waits[0] < max(waits) == BOTH.most
    assert min(waits[8:]) > 300, "whoever goes on and on goes on at this pace"


@pytest.mark.parametrize("act", Act)
def test_whoever_failed_is_told_apart_from_whoever_does_much_by_right(delays: Delays, act: Act) -> None:
    while not wait(lambda: delays.look(act, HOME, ANN)):
        delays.take(act, HOME, ANN)
    with pytest.raises(TooManyRequests) as refused:
        delays.look(act, HOME, ANN)
    assert isinstance(refused.value, TriedTooOften) is (act not in (Act.INVITATION, Act.REFRESH))


def test_whoever_looks_or_is_turned_away_is_not_counted(delays: Delays, time: Time) -> None:
    for _ in range(20):
        delays.look(Act.SIGN_IN, HOME, ANN)
    for _ in range(BOTH.free):
        signs_in(delays)
    assert {wait(lambda: delays.look(Act.SIGN_IN, HOME, ANN)) for _ in range(5)} == {5}
    assert {signs_in(delays) for _ in range(20)} == {5}
    time.passes(5)
    assert (signs_in(delays), signs_in(delays)) == (0, 10)


def test_every_process_sees_it(delays: Delays, ledger: Databases) -> None:
    with ConnectionPool(ledger.app_url, min_size=1, kwargs={"autocommit": True}, open=True) as another:
        for _ in range(BOTH.free):
            signs_in(Delays(another, b"pepper"))
    assert signs_in(delays) > 0


def test_of_many_at_once_no_more_are_let_through_than_one_by_one(delays: Delays) -> None:
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: signs_in(delays), range(40)))
    assert waits.count(0) == BOTH.free


def test_another_account_and_another_network_are_not_delayed(delays: Delays) -> None:
    for _ in range(BOTH.free):
        signs_in(delays)
    assert signs_in(delays) > 0
    assert signs_in(delays, BEN) == 0
    assert signs_in(delays, ANN, CAFE) == 0


def test_the_whole_network_of_one_address_of_ipv6_is_delayed(delays: Delays) -> None:
    assert [signs_in(delays, ANN, f"2001:db8::{number}") for number in range(6)] == [0] * 5 + [5]


def test_an_account_is_guessed_slowly_wherever_from(delays: Delays, time: Time) -> None:
    networks = [f"10.1.0.{number}" for number in range(ACCOUNT.free)]
    assert {signs_in(delays, ANN, each) for each in networks} == {0}
    assert signs_in(delays, ANN, CAFE) > 0
    time.passes(5)
    assert (signs_in(delays, ANN, CAFE), signs_in(delays, ANN, "10.9.9.9")) == (0, 10)


def test_one_network_guesses_slowly_whomever_it_tries(delays: Delays) -> None:
    assert {signs_in(delays, b"%d" % number) for number in range(NETWORK.free)} == {0}
    assert signs_in(delays, b"another") > 0
    assert signs_in(delays, b"another", CAFE) == 0


def test_a_success_forgets_what_failed_before_it(delays: Delays, time: Time) -> None:
    for _ in range(3):
        for _ in range(BOTH.free - 1):
            assert signs_in(delays) == 0
        proves(delays)
    assert [signs_in(delays, ANN, f"10.1.0.{number}") for number in range(ACCOUNT.free)] == [0] * ACCOUNT.free


def test_a_success_forgets_nothing_that_others_failed(delays: Delays) -> None:
    for number in range(NETWORK.free - 1):
        signs_in(delays, b"%d" % number)
    proves(delays, b"the guesser's own")
    proves(delays, b"the guesser's own")
    signs_in(delays, b"once more")
    assert signs_in(delays, b"and again") > 0


def test_nobody_is_locked_out_where_they_were_before_by_whoever_guesses_elsewhere(delays: Delays) -> None:
    proves(delays)
    while not signs_in(delays, ANN, CAFE):
        pass
    for number in range(ACCOUNT.free):
        signs_in(delays, ANN, f"10.1.0.{number}")
    assert signs_in(delays, ANN, "10.9.9.9") > 0, "this account is under attack"
    assert signs_in(delays, ANN, HOME) == 0


def test_nor_by_whoever_guesses_from_the_same_network_at_others(delays: Delays) -> None:
    proves(delays)
    for number in range(NETWORK.free):
        signs_in(delays, b"%d" % number)
    assert signs_in(delays, b"another") > 0
    assert signs_in(delays) == 0


def test_where_one_is_known_guesses_wait_all_the_same(delays: Delays) -> None:
    proves(delays)
    assert [signs_in(delays) for _ in range(BOTH.free + 1)] == [0] * BOTH.free + [5]


def test_failures_are_forgotten_after_quiet(delays: Delays, time: Time) -> None:
    for _ in range(BOTH.free + 3):
        signs_in(delays)
        time.passes(40)
    time.passes(BOTH.most * (BOTH.free + 3))
    assert [signs_in(delays) for _ in range(BOTH.free + 1)] == [0] * BOTH.free + [5]


def test_a_network_is_not_known_for_ever(delays: Delays, time: Time) -> None:
    proves(delays)
    time.passes(91 * 24 * 3600)
    for number in range(ACCOUNT.free):
        signs_in(delays, ANN, f"10.1.0.{number}")
    assert signs_in(delays) > 0


def test_of_an_account_only_the_networks_of_late_are_known(delays: Delays, owner: psycopg.Connection) -> None:
    for number in range(45):
        proves(delays, ANN, f"10.1.{number}.1")
    assert owner.execute("SELECT count(*) FROM secrets.delays WHERE person_id IS NOT NULL").fetchone() == (40,)


def test_acts_are_counted_apart(delays: Delays) -> None:
    for _ in range(BOTH.free):
        signs_in(delays)
    assert wait(lambda: delays.take(Act.SECOND_FACTOR, HOME, ANN)) == 0


def test_letters_wait_for_minutes_and_never_so_long_that_no_link_is_good(delays: Delays, time: Time) -> None:
    def asks() -> int:
        return wait(lambda: delays.take(Act.LETTER, HOME, ANN))

    assert [asks() for _ in range(4)] == [0, 0, 0, 300]
    for _ in range(10):
        time.passes(asks())
    assert max(asks(), asks()) <= 900


def test_what_cannot_be_guessed_is_counted_for_the_network_alone(delays: Delays) -> None:
    pace = PACES[Act.LINK]["network"]
    assert {wait(lambda: delays.take(Act.LINK, HOME)) for _ in range(pace.free)} == {0}
    assert wait(lambda: delays.take(Act.LINK, HOME)) > 0
    assert wait(lambda: delays.take(Act.LINK, CAFE)) == 0


def test_what_is_kept_names_neither_account_nor_network(delays: Delays, owner: psycopg.Connection) -> None:
    signs_in(delays, b"ann@example.org", HOME)
    kept = repr(owner.execute("SELECT d::text FROM secrets.delays d").fetchall())
    assert kept.count("infinity") == 3
    assert b"ann".hex() not in kept
    assert "10.0.0" not in kept


def test_whoever_comes_under_many_names_fills_a_table_no_further_and_gets_nobody_forgotten(
    delays: Delays, owner: psycopg.Connection
) -> None:
    for _ in range(BOTH.free):
        signs_in(delays)
    proves(delays, BEN, CAFE)
    for number in range(60):
        signs_in(delays, b"%d" % number, f"10.2.{number}.1")
    owner.execute("SELECT secrets.sweep_delays(10)")
    assert owner.execute("SELECT count(*) FROM secrets.delays").fetchone() == (10,)
    assert signs_in(delays) > 0
    for number in range(ACCOUNT.free):
        signs_in(delays, BEN, f"10.1.0.{number}")
    assert signs_in(delays, BEN, CAFE) == 0, "and is still known where it was"


def test_what_is_forgotten_makes_room(delays: Delays, time: Time, owner: psycopg.Connection) -> None:
    for number in range(50):
        signs_in(delays, b"%d" % number)
    time.passes(24 * 3600)
    for number in range(64):
        signs_in(delays, b"%d" % number, CAFE)
    found = owner.execute("SELECT count(*) FROM secrets.delays WHERE counted_at < now() - interval '1 hour'").fetchone()
    assert found == (0,)


def test_the_application_reads_and_writes_it_by_no_other_way(pool: ConnectionPool) -> None:
    for query in ("SELECT 1 FROM secrets.delays", "DELETE FROM secrets.delays", "SELECT secrets.sweep_delays(0)"):
        with pool.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(query.encode())


def test_idle_for_a_benchmark_nobody_waits(pool: ConnectionPool) -> None:
    delays = Delays(pool, b"pepper", idle=True)
    assert {signs_in(delays) for _ in range(20)} == {0}
    delays.forgive(Act.SIGN_IN, HOME, ANN, PERSON)


def invites(delays: Delays, organization: UUID = PERSON, by: UUID = PERSON, address: str = HOME) -> int:
    return wait(lambda: delays.take_invitation(address, organization, by))


def test_an_organization_sends_so_many_invitations_a_day_whoever_sends_them_from_wherever(
    pool: ConnectionPool, time: Time
) -> None:
    delays, people = Delays(pool, b"pepper", 10), [uuid7() for _ in range(11)]
    sent = [invites(delays, by=person, address=f"10.4.{n}.1") for n, person in enumerate(people)]
    assert sent == [0] * 10 + [24 * 360]
    with pytest.raises(TooManyRequests, match=r"your organization has sent the 10 invitations .* in a day"):
        delays.take_invitation("10.4.20.1", PERSON, people[0])
    assert invites(delays, uuid7(), people[10], "10.4.10.1") == 0, "another one sends on"
    time.passes(24 * 360)
    assert (invites(delays, by=uuid7()), invites(delays, by=uuid7())) == (0, 24 * 360)
    time.passes(24 * 3600)
    assert [invites(delays, by=uuid7(), address=f"10.5.{n}.1") for n in range(10)] == [0] * 10


def test_one_person_and_one_network_send_so_many_for_whatever_organization(pool: ConnectionPool, time: Time) -> None:
    delays = Delays(pool, b"pepper", 10)
    assert [invites(delays, uuid7(), address=f"10.4.{n}.1") for n in range(3)] == [0, 0, 60]
    time.passes(60)
    assert invites(delays, uuid7(), address="10.4.9.1") == 0
    assert [invites(delays, uuid7(), uuid7()) for _ in range(21)] == [0] * 20 + [24 * 180]


def test_whoever_is_told_to_wait_counts_for_nobody_else(pool: ConnectionPool, time: Time) -> None:
    delays = Delays(pool, b"pepper", 10)
    flooding = [invites(delays) for _ in range(30)]
    assert flooding == [0] * 2 + [60] * 28
    assert [invites(delays, by=uuid7()) for _ in range(8)] == [0] * 8


def test_where_nothing_is_limited_nobody_waits(pool: ConnectionPool) -> None:
    assert {invites(Delays(pool, b"pepper")) for _ in range(30)} == {0}
