"""A spool on its way to a real stream: whole, in order, and a backlog without rests in between."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from uuid import uuid4

import pytest
from nats.js import JetStreamContext

from infra import streams
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.leases import Key
from infra.shipping import EVERY, Shipment
from infra.spool import MOST_POINTS, Spool
from infra.streams import TELEMETRY
from tests.servers import Servers

KEY, ORGANIZATION = Key(uuid4(), 1), str(uuid4())


@pytest.fixture
def bus(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as running:
        yield running


@asynccontextmanager
async def stream_of(bus: Nats) -> AsyncIterator[JetStreamContext]:
    client = await connect(bus.url("admin"))
    js = client.jetstream(timeout=2.0)
    await js.add_stream(streams.telemetry())
    yield js
    await client.close()


async def shipped(js: JetStreamContext) -> list[list[int]]:
    """The numbers of the points, message by message."""
    last = (await js.stream_info(TELEMETRY)).state.last_seq
    messages = [await js.get_msg(TELEMETRY, seq=sequence) for sequence in range(1, last + 1)]
    return [[point["n"] for point in json.loads(message.data or b"")["points"]] for message in messages]


def filled(file: Path, points: int) -> Spool:
    spool = Spool(file)
    for n in range(1, points + 1):
        spool.append("log", {"line": str(n)})
    return spool


def test_a_backlog_does_not_rest_between_full_batches(bus: Nats, tmp_path: Path) -> None:
    batches = 20

    async def story() -> None:
        async with stream_of(bus) as js:
            with closing(filled(tmp_path / "points", batches * MOST_POINTS + 7)) as spool:
                shipment = Shipment(spool, "timm", KEY, ORGANIZATION, lambda: js, ended=True)
                begun = time.monotonic()
                await shipment.run()
                assert time.monotonic() - begun < batches * EVERY
            messages = await shipped(js)
            assert [n for numbers in messages for n in numbers] == list(range(1, batches * MOST_POINTS + 8))
            assert len(messages) == batches + 1

    asyncio.run(story())


def test_what_comes_in_drops_is_collected_on_the_way(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with stream_of(bus) as js:
            with closing(filled(tmp_path / "points", 1)) as spool:
                shipment = Shipment(spool, "timm", KEY, ORGANIZATION, lambda: js)
                shipping = asyncio.create_task(shipment.run())
                for n in range(2, 52):
                    spool.append("log", {"line": str(n)})
                    await asyncio.sleep(0.01)
                shipment.ended = True
                await shipping
            messages = await shipped(js)
            assert [n for numbers in messages for n in numbers] == list(range(1, 52))
            assert len(messages) < 25

    asyncio.run(story())
