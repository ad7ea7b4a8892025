"""What an organization stores and what is promised to it, on a real database: every way a blob takes moves both."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import ConnectionPool

from domain.organization import StorageIsFull
from infra.blobs import Blobs, Named, Received
from infra.checkup import Finding, State
from infra.checkup.storage import recounted
from infra.migrate import migrate
from infra.objects import Objects
from infra.provision import APP
from infra.room import Room, Rooms
from tests.servers import Databases

HERE, THERE = uuid4(), uuid4()
QUOTA = 100


@dataclass
class Shelf:
    """What has come to the object store, by hash."""

    sizes: dict[str, int] = field(default_factory=dict)

    def size(self, organization_id: UUID, sha256: str) -> int | None:
        return self.sizes.get(sha256)


@dataclass
class House:
    pool: ConnectionPool
    shelf: Shelf = field(default_factory=Shelf)

    def __post_init__(self) -> None:
        self.blobs = Blobs(self.pool, cast(Objects, self.shelf))
        self.rooms = Rooms(self.pool, self.blobs)

    def promise(self, *named: Named, quota: int = QUOTA) -> None:
        def judge(stored: int, promised: int, more: int) -> None:
            if stored + promised + more > quota:
                raise StorageIsFull(f"{stored} and {promised} and {more}")

        self.rooms.promise(HERE, named, judge)

    def let_time_pass(self) -> None:
        with self.pool.connection() as connection:
            connection.execute("UPDATE content.blobs SET promised_until = promised_until - interval '1 day'")

    def examined(self) -> list[Finding]:
        with self.pool.connection() as connection:
            return list(recounted(connection))

    def reckoned(self) -> Room:
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(size) FILTER (WHERE arrived), 0)::bigint,"
                " coalesce(sum(size) FILTER (WHERE promised_until IS NOT NULL), 0)::bigint"
                " FROM content.blobs WHERE organization_id = %s",
                (HERE,),
            ).fetchone()
        assert row
        return Room(*row)


@pytest.fixture
def house(fresh_database: Callable[[], Databases]) -> Iterator[House]:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid4())
    with ConnectionPool(databases.app_url, min_size=1, max_size=8, open=True) as pool:
        yield House(pool)


def named(n: int, size: int) -> Named:
    return Named(f"{n:064x}", size)


def came(n: int, size: int) -> Received:
    return Received(f"{n:064x}", size)


def test_bytes_count_once_and_those_of_others_do_not(house: House) -> None:
    house.blobs.receive(HERE, [came(1, 3), came(2, 2**40)])
    house.blobs.receive(HERE, [came(1, 3)])
    house.blobs.receive(THERE, [came(3, 5)])
    assert house.rooms.of(HERE) == Room(3 + 2**40, 0)
    assert house.rooms.of(uuid4()) == Room()


def test_what_is_promised_leaves_so_much_less_for_others(house: House) -> None:
    house.promise(named(1, 60))
    with pytest.raises(StorageIsFull, match="0 and 60 and 41"):
        house.promise(named(2, 41))
    house.promise(named(2, 40))
    assert house.rooms.of(HERE) == Room(0, 100)


def test_what_is_promised_already_takes_no_more_when_it_is_named_again(house: House) -> None:
    house.promise(named(1, 60), named(2, 40))
    house.promise(named(1, 60), named(2, 40), quota=0)
    assert house.rooms.of(HERE) == Room(0, 100)


def test_what_is_named_with_less_than_was_promised_makes_no_room_for_others(house: House) -> None:
    house.promise(named(1, 60))
    with pytest.raises(StorageIsFull):
        house.promise(named(1, 1), named(2, 60))
    assert house.rooms.of(HERE) == Room(0, 60)


def test_none_is_promised_where_not_all_fit(house: House) -> None:
    with pytest.raises(StorageIsFull):
        house.promise(named(1, 60), named(2, 60))
    assert house.rooms.of(HERE) == Room()


def test_what_has_come_is_stored_and_promised_no_more(house: House) -> None:
    house.promise(named(1, 60), named(2, 40))
    house.blobs.receive(HERE, [came(1, 60)])
    assert house.rooms.of(HERE) == Room(60, 40)


def test_who_names_another_size_gets_no_room_by_that(house: House) -> None:
    house.promise(named(1, 60))
    house.promise(named(1, 1))
    assert house.rooms.of(HERE) == Room(0, 60)
    house.blobs.receive(HERE, [came(1, 1)])
    assert house.rooms.of(HERE) == Room(1, 0)


def test_what_was_lost_takes_no_room(house: House) -> None:
    house.blobs.receive(HERE, [came(1, 60)])
    house.blobs.lose(HERE, [named(1, 60).sha256])
    assert house.rooms.of(HERE) == Room()


def test_a_promise_ends_where_nothing_has_come_in_its_time(house: House) -> None:
    house.promise(named(1, 60), named(2, 40))
    assert house.rooms.settle() == 0
    house.let_time_pass()
    house.shelf.sizes[named(1, 60).sha256] = 60
    assert house.rooms.settle() == 2
    assert house.rooms.of(HERE) == Room(60, 0)
    assert house.blobs.known(HERE, [named(1, 60).sha256, named(2, 40).sha256]) == {named(1, 60).sha256: 60}
    assert house.rooms.settle() == 0


def test_a_promise_that_was_given_anew_meanwhile_holds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.promise(named(1, 60))
    house.let_time_pass()
    monkeypatch.setattr(house.shelf, "size", lambda *_: house.promise(named(1, 60)))
    assert house.rooms.settle() == 0
    assert house.rooms.of(HERE) == Room(0, 60)


def test_of_many_at_once_only_those_get_room_that_fit(house: House) -> None:
    def ask(n: int) -> bool:
        try:
            house.promise(named(n, 10), named(n + 100, 10))
        except StorageIsFull:
            return False
        return True

    with ThreadPoolExecutor(8) as askers:
        answers = list(askers.map(ask, range(24)))
    assert answers.count(True) == QUOTA // 20
    assert house.rooms.of(HERE) == house.reckoned() == Room(0, 100)


def test_what_is_deleted_gives_its_room_back(house: House) -> None:
    house.blobs.receive(HERE, [came(1, 60), came(2, 1)])
    house.promise(named(3, 5))
    with house.pool.connection() as connection:
        connection.execute("DELETE FROM content.blobs WHERE sha256 <> %s", (bytes.fromhex(came(2, 1).sha256),))
    assert house.rooms.of(HERE) == Room(1, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["promise", "receive", "lose", "over"]), st.integers(0, 3), st.integers(1, 9))
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_both_are_the_sums_whatever_happens(house: House, steps: list[tuple[str, int, int]]) -> None:
    for what, n, size in steps:
        match what:
            case "promise":
                house.promise(named(n, size), quota=10**9)
            case "receive":
                house.blobs.receive(HERE, [came(n, size)])
            case "lose":
                house.blobs.lose(HERE, [named(n, size).sha256])
            case _:
                house.let_time_pass()
                house.rooms.settle()
    assert house.rooms.of(HERE) == house.reckoned()
    assert [found.state for found in house.examined()] == [State.WELL]


def test_a_total_that_is_not_the_sum_of_what_is_there_is_found(house: House) -> None:
    house.blobs.receive(HERE, [came(1, 60)])
    house.promise(named(2, 5))
    with house.pool.connection() as connection:
        connection.execute("UPDATE content.room SET stored = stored + 1")
    [found] = house.examined()
    assert found.state is State.WRONG
    assert f"{HERE} is said to store 61 bytes and to wait for 5; counted one by one they are 60 and 5" in found.says


def test_nothing_is_there_and_promised_at_once(house: House) -> None:
    house.promise(named(1, 60))
    with house.pool.connection() as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE content.blobs SET arrived = true")
