"""Telemetry as somebody follows it: each point once and in order, whatever becomes of the stream meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.js import JetStreamContext
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from infra import bus, streams
from infra.archive import Archive
from infra.archive_writer import CONSUMER, ArchiveWriter
from infra.blobs import Blobs
from infra.embedded.nats import Nats
from infra.feed import AT_ONCE, Feed, Place
from infra.leases import Key
from infra.migrate import migrate
from infra.objects import Objects
from infra.positions import Positions
from infra.provision import APP
from infra.shipping import subject
from infra.streams import TELEMETRY
from tests.servers import Databases, Servers

ORGANIZATION = uuid4()
Points = list[dict[str, Any]]


def points(first: int, last: int) -> Points:
    return [{"n": n, "kind": "log", "line": str(n)} for n in range(first, last + 1)]


@dataclass
class Room:
    """A job's telemetry, with what a worker and the archivist do to it."""

    pool: ConnectionPool
    blobs: Blobs
    js: JetStreamContext
    job: UUID
    is_away: bool = False

    def stream(self) -> JetStreamContext | None:
        return None if self.is_away else self.js

    def feed(self, place: Place = Place()) -> Feed:  # noqa: B008 (a place is a value)
        return Feed(Archive(self.pool, self.blobs), self.stream, "timm", ORGANIZATION, self.job, place)

    async def ship(self, first: int, last: int, attempt: int = 1) -> None:
        message = {"job": str(self.job), "attempt": attempt, "first": first, "points": points(first, last)}
        await self.js.publish(subject("timm", ORGANIZATION, self.job, attempt), json.dumps(message).encode())

    def keep(self, first: int, last: int, attempt: int = 1) -> None:
        writer = ArchiveWriter(self.pool, self.blobs)
        chunk = writer.keep(ORGANIZATION, Key(self.job, attempt), points(first, last))
        assert chunk is not None
        writer.record([chunk], before := Positions(self.pool).of(CONSUMER), before + 1)


async def heard(feed: Feed) -> list[tuple[int, int]]:
    """All that there is for now."""
    found: list[tuple[int, int]] = []
    while told := await feed.next():
        found += [point.place for point in told]
        assert all(point.fields["line"] == str(point.place.n) for point in told)
    return found


def numbers(first: int, last: int, attempt: int = 1) -> list[tuple[int, int]]:
    return [(attempt, n) for n in range(first, last + 1)]


Story = Callable[[Room], Awaitable[None]]
Tell = Callable[[Story], None]


@pytest.fixture(scope="module")
def nats(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as nats:
        yield nats


@pytest.fixture(scope="module")
def databases(servers: Servers) -> Iterator[Databases]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    yield databases
    servers.drop(databases)


@pytest.fixture
def tell(servers: Servers, nats: Nats, databases: Databases) -> Iterator[Tell]:
    objects = Objects.open(servers.settings("api", databases))
    with ConnectionPool(databases.app_url, min_size=1, open=True, kwargs={"autocommit": True}) as pool:

        async def lived(story: Story) -> None:
            async with stream_of(nats) as js:
                await story(Room(pool, Blobs(pool, objects), js, uuid4()))

        yield lambda story: asyncio.run(lived(story))


@asynccontextmanager
async def stream_of(nats: Nats) -> AsyncIterator[JetStreamContext]:
    client = await bus.connect(nats.url("admin"))
    try:
        js = client.jetstream(timeout=2.0)
        await js.add_stream(streams.telemetry())
        yield js
        await js.delete_stream(TELEMETRY)
    finally:
        await client.close()


def test_first_what_is_kept_then_what_is_on_the_stream_then_what_comes(tell: Tell) -> None:
    async def story(room: Room) -> None:
        room.keep(1, 4)
        await room.ship(1, 6)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 6)
        await room.ship(7, 8)
        assert await heard(feed) == numbers(7, 8)
        assert await heard(feed) == []
        assert not feed.is_cut

    tell(story)


@pytest.mark.parametrize(
    "bent",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"attempt": 1}',
        b'{"attempt": 1, "points": 3}',
        b'{"attempt": 1, "points": [{"kind": "log"}]}',
        b'{"attempt": 1, "points": [{"n": "3", "kind": "log"}]}',
        b'{"attempt": 1, "points": [{"n": 3, "kind": "log", "line": NaN}]}',
        b"[" * 100_000,
    ],
    ids=lambda bent: str(bent[:60]),
)
def test_a_message_that_no_worker_can_have_sent_is_passed_over(tell: Tell, bent: bytes) -> None:
    async def story(room: Room) -> None:
        await room.ship(1, 2)
        await room.js.publish(subject("timm", ORGANIZATION, room.job, 1), bent)
        await room.ship(3, 4)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 4)
        assert not feed.is_cut

    tell(story)


@pytest.mark.parametrize("place", [Place(1, 0), Place(1, 2), Place(1, 5), Place(1, 9)])
def test_whoever_comes_back_goes_on_after_what_it_had(tell: Tell, place: Place) -> None:
    async def story(room: Room) -> None:
        room.keep(1, 4)
        await room.ship(3, 9)
        assert await heard(room.feed(place)) == numbers(place.n + 1, 9)

    tell(story)


def test_what_is_shipped_twice_or_cut_otherwise_is_told_once(tell: Tell) -> None:
    async def story(room: Room) -> None:
        for first, last in ((1, 3), (1, 3), (2, 5), (1, 4), (5, 7)):
            await room.ship(first, last)
        assert await heard(room.feed()) == numbers(1, 7)

    tell(story)


def test_another_jobs_points_are_nobodys_business(tell: Tell) -> None:
    async def story(room: Room) -> None:
        other = Room(room.pool, room.blobs, room.js, uuid4())
        await other.ship(1, 3)
        other.keep(1, 3)
        await room.ship(1, 2)
        assert await heard(room.feed()) == numbers(1, 2)

    tell(story)


def test_what_the_stream_has_forgotten_comes_from_the_archive(tell: Tell) -> None:
    async def story(room: Room) -> None:
        await room.ship(1, 2)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 2)
        room.keep(1, 6)
        await room.ship(7, 8)
        assert await heard(feed) == numbers(3, 8)

    tell(story)


def test_attempts_follow_each_other_and_none_goes_back(tell: Tell) -> None:
    async def story(room: Room) -> None:
        room.keep(1, 3)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 3)
        await room.ship(1, 2, attempt=3)
        await room.ship(4, 5, attempt=1)
        await room.ship(3, 4, attempt=3)
        assert await heard(feed) == numbers(1, 4, attempt=3)

    tell(story)


def test_an_archive_longer_than_one_answer_is_told_whole(tell: Tell) -> None:
    async def story(room: Room) -> None:
        room.keep(1, AT_ONCE + 7)
        room.keep(AT_ONCE + 8, 2 * AT_ONCE + 9)
        assert await heard(room.feed()) == numbers(1, 2 * AT_ONCE + 9)

    tell(story)


def test_while_the_bus_is_away_it_says_so_and_afterwards_nothing_is_missing(tell: Tell) -> None:
    async def story(room: Room) -> None:
        await room.ship(1, 2)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 2)
        await room.ship(3, 4)
        room.is_away = True
        assert (await heard(feed), feed.is_cut) == ([], True)
        room.is_away = False
        assert (await heard(feed), feed.is_cut) == (numbers(3, 4), False)

    tell(story)


def test_a_stream_that_was_lost_and_made_again_is_read_from_its_beginning(tell: Tell) -> None:
    async def story(room: Room) -> None:
        for n in range(1, 6):
            await room.ship(n, n)
        feed = room.feed()
        assert await heard(feed) == numbers(1, 5)
        await room.js.delete_stream(TELEMETRY)
        assert (await heard(feed), feed.is_cut) == ([], True)
        await room.js.add_stream(streams.telemetry())
        await room.ship(4, 6)
        assert await heard(feed) == numbers(6, 6)

    tell(story)
