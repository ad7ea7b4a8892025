"""How far a reaction is, and what keeps it from going on: on a real bus and a real database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from psycopg_pool import ConnectionPool

from consumers.lookout import Lookout, watch
from consumers.reactions import Reaction
from domain.model import Recorded
from infra import durables, streams
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.ledger import Head
from infra.positions import Positions
from infra.published import pack
from infra.stream_rebuild import rebuild_stream
from infra.stream_tail import Diverged
from infra.streams import declare_durable
from tests.consumers.relaying import scene
from tests.ground import Ground, ground
from tests.servers import Databases, Servers

NAME, ROW, SUBJECT = "greet-on-registered", "react:greet-on-registered", "vistory.events.a.person.b.registered"


async def nothing(recorded: Recorded) -> None: ...


REACTION = Reaction(NAME, ("vistory.events.*.person.*.registered",), nothing)


@dataclass
class Place:
    bus: Nats
    url: str
    positions: Positions
    ground: Ground

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
        end = (await js.stream_info(streams.EVENTS)).state.last_seq
        await watch(js, self.url, [REACTION], self.positions, end)

    def row(self, name: str = ROW) -> tuple[int, str | None]:
        with psycopg.connect(self.url) as connection:
            query = "SELECT position, stopped FROM work.positions WHERE consumer = %s"
            position, stopped = connection.execute(query, (name,)).fetchone() or (0, None)
        return position, stopped


@pytest.fixture
def place(servers: Servers, fresh_database: Callable[..., Databases]) -> Iterator[Place]:
    with servers.fresh_nats() as bus, ground(fresh_database()) as ready:
        url = ready.databases.app_url
        with ConnectionPool(url, min_size=1, open=True, kwargs={"autocommit": True}) as pool:
            yield Place(bus, url, Positions(pool), ready)


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


def test_a_durable_that_is_gone_is_made_again_and_the_others_are_noted_all_the_same(place: Place) -> None:
    async def story() -> None:
        place.ground.write(3)
        async with scene(place.bus, place.ground) as at:
            await at.relay_all()
            await declare_durable(at.js, streams.Durable(NAME, REACTION.filters))
            gone = replace(REACTION, name=f"{NAME}-too")
            await lookout(place).look(at.js, [gone, REACTION])
            assert place.row() == (3, None)
            await lookout(place).look(at.js, [gone, REACTION])
            assert place.row(f"react:{gone.name}") == (3, None)

    asyncio.run(story())


def test_at_rest_nobody_is_asked_after_until_something_is_published_or_time_has_passed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        place.ground.write(3)
        async with scene(place.bus, place.ground) as at:
            await at.relay_all()
            await declare_durable(at.js, streams.Durable(NAME, REACTION.filters))
            at_rest = lookout(place)
            await at_rest.look(at.js, [REACTION])
            assert place.row() == (3, None)
            await at.js.delete_consumer(streams.EVENTS, NAME)
            await at_rest.look(at.js, [REACTION])
            with pytest.raises(NotFoundError):
                await at.js.consumer_info(streams.EVENTS, NAME)
            place.ground.write(1)
            await at.relay_all()
            await at_rest.look(at.js, [REACTION])
            assert await at.js.consumer_info(streams.EVENTS, NAME)
            await at_rest.look(at.js, [REACTION])
            await at.js.delete_consumer(streams.EVENTS, NAME)
            monkeypatch.setattr("consumers.lookout.AT_REST_EVERY", 0.0)
            await at_rest.look(at.js, [REACTION])
            assert await at.js.consumer_info(streams.EVENTS, NAME)

    asyncio.run(story())


@dataclass(frozen=True)
class Frameworks:
    names: tuple[str, ...] = ("timm",)

    def all(self) -> tuple[str, ...]:
        return self.names


def lookout(place: Place) -> Lookout:
    return Lookout(place.url, place.ground.ledger, place.positions, Frameworks())


def test_a_stream_with_what_a_restored_store_lost_moves_no_reaction_on(place: Place) -> None:
    async def story() -> None:
        place.ground.write(5)
        async with scene(place.bus, place.ground) as at:
            await at.relay_all()
            await declare_durable(at.js, streams.Durable(NAME, REACTION.filters))
            await lookout(place).look(at.js, [REACTION])
            assert place.row() == (5, None)
            (last,) = place.ground.ledger.read(4, 1)
            lost = pack(last._replace(position=6, chain=bytes(32)), place.ground.ledger.head())
            await at.js.publish(lost.subject, lost.data, headers=lost.headers)
            with pytest.raises(Diverged, match="ahead of the store"):
                await lookout(place).look(at.js, [REACTION])
            assert place.row() == (5, None)

    asyncio.run(story())


def test_trainers_without_their_durable_are_told_of_until_it_is_made_again(place: Place) -> None:
    async def story() -> None:
        place.ground.write(3)
        async with scene(place.bus, place.ground) as at:
            await at.relay_all()
            await lookout(place).look(at.js, [])
            assert place.row("train:timm") == (3, None)
            await at.js.delete_consumer(streams.EVENTS, "train-timm")
            await lookout(place).look(at.js, [])
            position, stopped = place.row("train:timm")
            assert (position, "vistory stream rebuild" in (stopped or "")) == (3, True)
            again = durables.for_trainers(place.url, ["timm"])
            await rebuild_stream(at.js, place.ground.ledger.head(), again)
            await at.relay_all()
            await lookout(place).look(at.js, [])
            assert place.row("train:timm") == (3, None)

    asyncio.run(story())
