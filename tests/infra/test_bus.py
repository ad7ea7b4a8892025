import asyncio
import gc
import os
from itertools import count
from urllib.parse import urlsplit

import pytest

from consumers.app import broker_at
from infra import bus
from infra.logs import Complaints
from tests.faults.proxy import Proxy
from tests.servers import Servers

ATTEMPTS = 10


def test_a_server_that_hangs_up_before_its_greeting_costs_no_socket(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = servers.parts.nats_url("api")
    with Proxy(urlsplit(url).port or 0) as road:
        asyncio.run(cut_off(road, url, monkeypatch))


async def cut_off(road: Proxy, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, enough = count(1), asyncio.Event()

    async def counted(complaints: Complaints, error: Exception) -> None:
        if next(attempts) == ATTEMPTS:
            enough.set()

    monkeypatch.setattr(bus, "_tell", counted)
    client = await bus.connect(road.instead(url))
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        with road.cut():
            await asyncio.wait_for(enough.wait(), 30)
            assert len(os.listdir("/proc/self/fd")) <= before
    finally:
        gc.enable()
        await client.close()


def test_the_broker_of_reactions_connects_by_the_same_client(servers: Servers) -> None:
    async def story() -> None:
        broker = broker_at(servers.parts.nats_url("consumers"))
        assert isinstance(await broker.connect(), bus.Lasting)
        await broker.stop()

    asyncio.run(story())
