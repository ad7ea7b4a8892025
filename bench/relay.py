"""The relay over a backlog, against a bare publish of the same messages in atomic batches."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Any

from nats.aio.client import Client
from uuid_utils.compat import uuid7

from bench.frame import Bench, Result, growth, in_turn
from consumers.relay import Relay
from infra.batch import MOST_MESSAGES, publish_batch
from infra.bus import connect, jetstream
from infra.cancelling import cancel_and_wait
from infra.event_store import EventStore
from infra.ledger import Append
from infra.mapper import Stored
from infra.migrate import migrate
from infra.provision import APP
from infra.published import pack
from infra.streams import declare_events
from tests.servers import Servers

BARE = "the same bytes, published bare in atomic batches"
STATE = json.dumps({"data": {}, "envelope": {"event": str(uuid7()), "organization": "platform"}}).encode().ljust(700)

Way = Callable[[Servers, EventStore, int], Coroutine[Any, Any, float]]


def relay(bench: Bench) -> Iterator[Result]:
    servers, costs = bench.servers, []
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with closing(EventStore(databases.app_url, pool_size=2)) as store:

        def once(way: Way, backlog: int) -> float:
            return asyncio.run(way(servers, store, backlog))

        for backlog in (10_000, 50_000, 200_000) if bench.long else (10_000,):
            while store.head().position < backlog:
                store.append([Append(uuid7(), b"", {}, [Stored(uuid7(), 1, "bench.event", STATE) for _ in range(500)])])
            ways = {"ours": partial(once, _relayed, backlog), BARE: partial(once, _bare, backlog)}
            found = Result.of(f"relay, a backlog of {backlog:,} events", "/s", in_turn(ways), BARE, 0.8)
            yield found
            costs.append((backlog, backlog / found.ours))
    yield from growth("relay, all of it", "events", costs)
    servers.drop(databases)


async def _relayed(servers: Servers, store: EventStore, backlog: int) -> float:
    async with _stream(servers, store) as client:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def note(position: int | None, _: str | None) -> None:
            if position == backlog:
                loop.call_soon_threadsafe(done.set)

        relaying = Relay(store, client, note)
        start = time.perf_counter()
        task = asyncio.create_task(relaying.run())
        await done.wait()
        seconds = time.perf_counter() - start
        await cancel_and_wait(task)
    return backlog / seconds


async def _bare(servers: Servers, store: EventStore, backlog: int) -> float:
    messages = [pack(row, store.head()) for row in store.read(0, MOST_MESSAGES)]
    async with _stream(servers, store) as client:
        start = time.perf_counter()
        for after in range(0, backlog, MOST_MESSAGES):
            headers = [m.headers | {"Nats-Msg-Id": f"{after + n}"} for n, m in enumerate(messages)]
            batch = [m._replace(headers=h) for m, h in zip(messages, headers, strict=True)]
            await publish_batch(client, batch, after)
        seconds = time.perf_counter() - start
    return backlog / seconds


@asynccontextmanager
async def _stream(servers: Servers, store: EventStore) -> AsyncIterator[Client]:
    """An empty stream on a server of its own."""
    with servers.fresh_nats() as nats:
        client = await connect(nats.url("admin"))
        await declare_events(jetstream(client), store.head())
        yield client
        await client.close()
