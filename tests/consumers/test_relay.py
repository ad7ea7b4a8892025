import asyncio
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from consumers.relay import HALTED, POLL_SECONDS
from infra import durables, streams
from infra.batch import MOST_BYTES, publish_batch
from infra.embedded.nats import Nats
from infra.ledger import Row
from infra.listening import listening
from infra.logs import is_ready
from infra.published import pack, unpack
from infra.stream_compare import compare
from infra.stream_rebuild import begin_generation, rebuild_stream
from infra.stream_tail import Diverged
from tests.consumers.relaying import Scene, counted, relay_process, scene, until
from tests.faults.proxy import Proxy
from tests.ground import Ground, ground, opened
from tests.servers import Databases, Servers

MakeDatabase = Callable[..., Databases]


@pytest.fixture
def nats(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as running:
        yield running


@pytest.fixture
def ledger(fresh_database: MakeDatabase) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


async def rows_on(at: Scene) -> list[Row]:
    subscription = await at.js.subscribe("vistory.events.>", stream=streams.EVENTS, ordered_consumer=True)
    try:
        return [unpack(await subscription.next_msg(timeout=5)) for _ in range(await at.last())]
    finally:
        await subscription.unsubscribe()


async def write_anew(at: Scene, count: int) -> None:
    """The stream as it is after its tail was lost: made again, with the first `count` events alone."""
    head = at.ledger.ledger.head()
    await rebuild_stream(at.js, head, [])
    if count:
        rows = at.ledger.ledger.read(0, count)
        await publish_batch(at.admin, [pack(row, head) for row in rows], 0)


def test_the_stream_holds_every_event_in_order_under_its_own_number(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(250, per_command=7)
        async with scene(nats, ledger) as at:
            await at.relay_all()
            assert await rows_on(at) == ledger.ledger.read(0, 1_000)
            await at.assert_same()

    asyncio.run(story())


def test_many_events_travel_in_few_batches(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(2_001)
        async with scene(nats, ledger) as at:
            relay = await at.relay_all()
        assert (relay.counters.events, relay.counters.batches) == (2_001, 3)
        assert relay.counters.tails_read == 1

    asyncio.run(story())


def test_a_batch_is_bounded_in_bytes_too(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write_large(20)
        async with scene(nats, ledger) as at:
            relay = await at.relay_all()
            await at.assert_same()
        assert relay.counters.batches == -(-20 * 250_000 // MOST_BYTES) == 2

    asyncio.run(story())


def test_an_event_stored_while_the_relay_waits_is_carried_over(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        async with scene(nats, ledger) as at, at.relaying() as (_, task):
            for _ in range(3):
                ledger.write(1)
                await asyncio.wait_for(at.settle(task), 4 * POLL_SECONDS)

    asyncio.run(story())


def test_a_notice_wakes_the_relay_and_one_that_is_lost_costs_no_more_than_a_poll(
    nats: Nats, ledger: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(road: Proxy) -> None:
        monkeypatch.setattr("consumers.relay.POLL_SECONDS", 3_600.0)
        there = road.instead(ledger.databases.app_url)
        async with (
            scene(nats, ledger) as at,
            at.relaying() as (relay, task),
            listening(there, "ledger", relay.hear),
        ):
            await until(partial(asyncio.to_thread, is_heard, ledger))
            ledger.write(1)
            await at.settle(task)
            monkeypatch.setattr("consumers.relay.POLL_SECONDS", POLL_SECONDS)
            ledger.write(1)
            await at.settle(task)
            with road.cut():
                ledger.write(2)
                await at.settle(task)

    with Proxy(urlsplit(ledger.databases.app_url).port or 0) as road:
        asyncio.run(story(road))


def is_heard(ledger: Ground) -> bool:
    """Whether somebody listens to what is stored."""
    with psycopg.connect(ledger.databases.app_url) as connection:
        query = """SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN "ledger"'"""
        return connection.execute(query).fetchone() is not None


def test_two_relays_and_eight_writers_make_one_stream(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        async with scene(nats, ledger) as at, at.relaying() as (one, first), at.relaying() as (other, second):
            with ThreadPoolExecutor(8) as writers:
                writing = [asyncio.wrap_future(writers.submit(ledger.write, 200, 5)) for _ in range(8)]
                await asyncio.gather(*writing)
            await at.settle(first, second)
            await at.assert_same()
            await counted(1_600, one, other)
            assert one.counters.errors + other.counters.errors == 0

    asyncio.run(story())


@pytest.mark.slow
def test_a_relay_that_is_killed_loses_nothing_and_repeats_nothing(nats: Nats, ledger: Ground, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(nats, ledger) as at:
            for _ in range(3):
                ledger.write(3_000, per_command=1_000)
                before = await at.last()
                with relay_process(at, tmp_path) as relay:
                    await until(partial(moved, at, before))
                    relay.kill()
            # What the last one had sent may still be on its way, so nobody can say how much is left to carry over.
            async with at.relaying() as (_, task):
                await at.settle(task)
            await at.assert_same()

    asyncio.run(story())


async def moved(at: Scene, before: int) -> bool:
    return await at.last() > before


def test_a_relay_stops_when_it_is_asked_to(nats: Nats, ledger: Ground, tmp_path: Path) -> None:
    async def story() -> None:
        ledger.write(1)
        async with scene(nats, ledger) as at:
            with relay_process(at, tmp_path) as relay:
                await until(partial(moved, at, 0))
                relay.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(relay.wait, 5) == 0
        assert any(map(is_ready, (tmp_path / "relay.log").read_bytes().splitlines()))

    asyncio.run(story())


def test_a_lost_stream_is_filled_again_once_it_is_made_anew(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(300)
        async with scene(nats, ledger) as at, at.relaying() as (_, task):
            await at.settle(task)
            await at.js.delete_stream(streams.EVENTS)
            ledger.write(1)

            async def told() -> bool:
                return "vistory stream rebuild" in (at.stopped() or "")

            await until(told)
            await rebuild_stream(at.js, ledger.ledger.head(), [])
            await at.settle(task)
            await at.assert_same()
            assert at.stopped() is None

    asyncio.run(story())


@pytest.mark.parametrize("left", [0, 150])
def test_a_stream_that_was_made_anew_is_filled_though_nobody_writes(nats: Nats, ledger: Ground, left: int) -> None:
    async def story() -> None:
        ledger.write(200)
        async with scene(nats, ledger) as at, at.relaying() as (_, task):
            await at.settle(task)
            await write_anew(at, left)
            await at.settle(task)
            await at.assert_same()

    asyncio.run(story())


@pytest.mark.parametrize("left", [0, 1, 199])
def test_a_lost_tail_is_published_again(nats: Nats, ledger: Ground, left: int) -> None:
    async def story() -> None:
        ledger.write(200)
        async with scene(nats, ledger) as at:
            await at.relay_all()
            await write_anew(at, left)
            relay = await at.relay_all()
            await at.assert_same()
        assert relay.counters.events == 200 - left

    asyncio.run(story())


def test_a_store_with_another_past_halts_the_relay(nats: Nats, ledger: Ground, fresh_database: MakeDatabase) -> None:
    async def story() -> None:
        ledger.write(5)
        with ground(fresh_database(), ledger.id) as other:
            other.write(9)
            async with scene(nats, ledger) as at:
                await at.relay_all()
                with pytest.raises(Diverged, match=r"position 5 differs between stream and store in .*chain"):
                    await at.instead(other).relay_all()
                assert [d.position for d in (await compare(other.ledger, at.js)).differences] == [1, 2, 3, 4, 5]

    asyncio.run(story())


def test_a_halted_relay_says_why_and_exits_with_7(nats: Nats, ledger: Ground, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(nats, ledger) as at:
            await at.js.publish("vistory.events.foreign", b"{}")
            with relay_process(at, tmp_path) as relay:
                assert await asyncio.to_thread(relay.wait, 20) == HALTED
            assert "message 1 on the stream is foreign" in (at.stopped() or "")

    asyncio.run(story())


def test_a_foreign_message_halts_a_running_relay(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(3)
        async with scene(nats, ledger) as at, at.relaying() as (_, task):
            await at.settle(task)
            await at.js.publish("vistory.events.foreign", b"{}")
            ledger.write(1)
            with pytest.raises(Diverged, match="message 4 on the stream is foreign"):
                await asyncio.wait_for(task, 10)

    asyncio.run(story())


def test_a_last_message_that_was_deleted_halts_the_relay(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(3)
        async with scene(nats, ledger) as at:
            await at.js.delete_stream(streams.EVENTS)
            await at.js.add_stream(streams.events(ledger.ledger.head()).evolve(deny_delete=False))
            await at.relay_all()
            await at.js.delete_msg(streams.EVENTS, 3)
            async with at.relaying() as (_, task):
                with pytest.raises(Diverged, match="message 3, the stream's last, was deleted"):
                    await asyncio.wait_for(task, 10)
            await rebuild_stream(at.js, ledger.ledger.head(), [])
            await at.relay_all()
            await at.assert_same()

    asyncio.run(story())


def test_a_restored_store_is_behind_the_stream_until_a_new_generation_begins(
    nats: Nats, fresh_database: MakeDatabase
) -> None:
    async def story() -> None:
        databases = fresh_database()
        with ground(databases) as ledger:
            ledger.write(5)
        backup = fresh_database(databases)
        with opened(databases) as ledger, opened(backup) as restored:
            ledger.write(2)
            async with scene(nats, ledger) as at:
                await at.relay_all()
                after = at.instead(restored)
                with pytest.raises(Diverged, match="the stream is ahead of the store, which ends at 5"):
                    await after.relay_all()
                head = begin_generation(backup.owner_url)
                await rebuild_stream(at.js, head, [])
                restored.write(4)
                await after.relay_all()
                await after.assert_same()
                assert (head.generation, await at.last()) == (2, 9)

    asyncio.run(story())


def test_a_durable_made_again_does_not_deliver_the_past(nats: Nats, ledger: Ground) -> None:
    async def story() -> None:
        ledger.write(10)
        async with scene(nats, ledger) as at:
            await at.relay_all()
            again = durables.for_trainers(ledger.databases.app_url, ["timm"])
            await rebuild_stream(at.js, ledger.ledger.head(), again)
            await at.relay_all()
            config = (await at.js.consumer_info(streams.EVENTS, again[0].name)).config
            assert config.opt_start_seq == 11

    asyncio.run(story())
