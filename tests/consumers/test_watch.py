"""How far a reaction is, and what keeps it from going on: on a real bus and a real database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from nats.js import JetStreamContext
from psycopg_pool import ConnectionPool

from consumers.reactions import Reaction, watch
from domain.model import Recorded
from infra import streams
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.ledger import Head
from infra.positions import Positions
from tests.ground import ground
from tests.servers import Databases, Servers

NAME, ROW, SUBJECT = "greet-on-registered", "react:greet-on-registered", "vistory.events.a.person.b.registered"


async def nothing(recorded: Recorded) -> None: ...


REACTION = Reaction(NAME, ("vistory.events.*.person.*.registered",), nothing)


@dataclass
class Place:
    bus: Nats
    url: str
    positions: Positions

    def tell(self, story: Callable[[JetStreamContext], Awaitable[None]]) -> None:
        async def told() -> None:
            admin = await connect(self.bus.url("admin"))
            try:
                durable = streams.Durable(NAME, REACTION.filters)
                await streams.declare(admin.jetstream(), Head(UUID(int=1), 1, 0, b""), [durable])
                await story(admin.jetstream())
            finally:
                await admin.close()

        asyncio.run(told())

    async def watch(self, js: JetStreamContext) -> None:
        await watch(js, self.url, REACTION, self.positions)

    def row(self) -> tuple[int, str | None]:
        with psycopg.connect(self.url) as connection:
            query = "SELECT position, stopped FROM work.positions WHERE consumer = %s"
            position, stopped = connection.execute(query, (ROW,)).fetchone() or (0, None)
        return position, stopped


@pytest.fixture
def place(servers: Servers, fresh_database: Callable[..., Databases]) -> Iterator[Place]:
    with servers.fresh_nats() as bus, ground(fresh_database()) as ready:
        url = ready.databases.app_url
        with ConnectionPool(url, min_size=1, open=True, kwargs={"autocommit": True}) as pool:
            yield Place(bus, url, Positions(pool))


def test_what_stops_a_reaction_stays_in_sight_until_its_event_is_handled(place: Place) -> None:
    async def story(js: JetStreamContext) -> None:
        await js.publish(SUBJECT, b"{}")
        queue = await js.pull_subscribe_bind(NAME, streams.EVENTS)
        (message,) = await queue.fetch(1)
        await message.nak(delay=0.5)
        place.positions.stop(ROW, streams.EVENTS, "a setting is missing")
        await place.watch(js)
        assert place.row() == (0, "a setting is missing")
        (again,) = await queue.fetch(1)
        await again.ack_sync()
        await place.watch(js)
        assert place.row() == (1, None)

    place.tell(story)


def test_a_reaction_that_stops_at_one_event_is_not_past_the_others_before_it(place: Place) -> None:
    async def story(js: JetStreamContext) -> None:
        for _ in range(3):
            await js.publish(SUBJECT, b"{}")
        await place.watch(js)
        place.positions.stop(ROW, streams.EVENTS, "a setting is missing")
        assert place.row() == (0, "a setting is missing")
        place.positions.go_on(ROW)
        assert place.row() == (0, None)

    place.tell(story)
