import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from consumers.telemetry import EVERY, MOST_POINTS, Collected
from infra.archive_writer import CONSUMER, ArchiveWriter, Overtaken, following
from infra.blobs import Blobs
from infra.leases import Key
from infra.objects import Objects
from infra.positions import Positions
from tests.ground import Ground, ground
from tests.servers import Databases, Servers

KEY, ORGANIZATION = Key(UUID(int=1), 1), UUID(int=2)


@pytest.fixture
def writer(servers: Servers, fresh_database: Callable[..., Databases]) -> Iterator[ArchiveWriter]:
    databases = fresh_database()
    with ground(databases) as ready, pool(ready) as connections:
        yield ArchiveWriter(connections, Blobs(connections, Objects.open(servers.settings("consumers", databases))))


def pool(ready: Ground) -> ConnectionPool:
    return ConnectionPool(ready.databases.app_url, min_size=1, open=True, kwargs={"autocommit": True})


def points(first: int, last: int) -> list[dict[str, object]]:
    return [{"n": n, "kind": "log", "line": str(n)} for n in range(first, last + 1)]


def archive(writer: ArchiveWriter, first: int, last: int, position: int = 1) -> None:
    chunk = writer.keep(ORGANIZATION, KEY, points(first, last))
    writer.record([chunk] if chunk else [], Positions(writer.pool).of(CONSUMER), position)


def test_much_at_once_is_written_at_once_and_little_after_a_while() -> None:
    collected = Collected()
    assert not collected.due
    collected.add(ORGANIZATION, KEY, points(1, MOST_POINTS - 1))
    assert not collected.due
    collected.add(ORGANIZATION, Key(KEY.job, 2), points(1, 1))
    assert collected.due
    assert Collected({(ORGANIZATION, KEY): points(1, 1)}, since=time.monotonic() - EVERY).due


def test_after_a_pause_the_first_point_waits_for_others_like_any_other() -> None:
    collected = Collected(since=time.monotonic() - EVERY)
    collected.add(ORGANIZATION, KEY, points(1, 500))
    assert not collected.due


def test_what_comes_twice_is_kept_once(writer: ArchiveWriter) -> None:
    archive(writer, 1, 5)
    archive(writer, 1, 5)
    archive(writer, 4, 8)
    assert writer.last(KEY) == 8
    with writer.pool.connection() as connection:
        rows = connection.execute("SELECT first, last FROM work.archive ORDER BY first").fetchall()
    assert rows == [(1, 5), (6, 8)]


def test_what_would_leave_a_gap_waits_until_it_is_sent_again(writer: ArchiveWriter) -> None:
    archive(writer, 1, 3)
    archive(writer, 7, 9)
    assert writer.last(KEY) == 3
    archive(writer, 4, 9)
    assert writer.last(KEY) == 9


def test_rows_and_place_in_the_stream_move_together(writer: ArchiveWriter) -> None:
    archive(writer, 1, 3, position=17)
    assert Positions(writer.pool).of(CONSUMER) == 17


def test_of_two_that_read_on_from_one_place_the_second_writes_nothing(writer: ArchiveWriter) -> None:
    mine, others = (writer.keep(ORGANIZATION, KEY, points(1, last)) for last in (8, 5))
    assert mine is not None
    assert others is not None
    writer.record([others], 0, 5)
    with pytest.raises(Overtaken):
        writer.record([mine._replace(first=2)], 0, 8)
    assert (writer.last(KEY), Positions(writer.pool).of(CONSUMER)) == (5, 5)


def test_points_follow_each_other_whatever_the_order_they_came_in() -> None:
    shuffled = [*points(3, 4), *points(1, 2), *points(2, 3), *points(9, 9)]
    assert [point["n"] for point in following(1, shuffled)] == [2, 3, 4]
