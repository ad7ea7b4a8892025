"""What a worker still owes after an attempt, on a real bus: its last points, and word of what was cut off."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nats.js import JetStreamContext

from consumers.custody import Custody
from infra import streams
from infra.attempt_folder import AttemptFolder, Claimed
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.leases import Key
from infra.shipping import Shipment, subject
from infra.streams import TELEMETRY
from infra.worker_api import AttemptApi, WorkerApi
from tests.consumers.front_desk import ORGANIZATION, FrontDesk, opened
from tests.consumers.test_training import until
from tests.servers import Servers

KEY, OTHER = Key(UUID(int=1), 1), Key(UUID(int=2), 3)


@pytest.fixture
def bus(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as running:
        yield running


@dataclass
class Scene:
    custody: Custody
    desk: FrontDesk
    js: JetStreamContext
    is_away: bool = False

    def stream(self) -> JetStreamContext | None:
        return None if self.is_away else self.js

    def left(self, key: Key, points: int, ended: bool = False) -> AttemptFolder:
        """What a service that was killed leaves on its disk."""
        folder = AttemptFolder.of(self.custody.home, key)
        folder.begin(Claimed("a token", str(ORGANIZATION)))
        (folder.work / "weights").write_bytes(b"half a model")
        with closing(folder.spool()) as spool:
            for n in range(points):
                spool.append("log", {"line": str(n + 1)})
        if ended:
            folder.end()
        return folder

    async def on_the_stream(self, key: Key) -> list[int]:
        """The numbers of an attempt's points, as they were shipped."""
        numbers: list[int] = []
        last = (await self.js.stream_info(TELEMETRY)).state.last_seq
        for sequence in range(1, last + 1):
            message = await self.js.get_msg(TELEMETRY, seq=sequence)
            if message.subject == subject("timm", ORGANIZATION, *key):
                numbers += [point["n"] for point in json.loads(message.data or b"")["points"]]
        return numbers

    async def shipped(self, key: Key, numbers: list[int]) -> None:
        async with asyncio.timeout(15):
            while await self.on_the_stream(key) != numbers:  # noqa: ASYNC110 (what is waited for happens on the bus)
                await asyncio.sleep(0.05)


@asynccontextmanager
async def scene(bus: Nats, home: Path) -> AsyncIterator[Scene]:
    client = await connect(bus.url("admin"))
    async with opened(FrontDesk()) as desk:
        api = WorkerApi(desk.url, "a credential")
        await client.jetstream().add_stream(streams.telemetry())
        found = Scene(Custody("timm", home, api, lambda: found.stream()), desk, client.jetstream(timeout=2.0))
        try:
            yield found
        finally:
            await api.close()
            await client.close()


def given_back(desk: FrontDesk) -> list[tuple[str, Any]]:
    return [(kind, body["evidence"]["reason"]) for kind, body in desk.reports]


def test_the_spool_stays_until_the_archive_has_it(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 3, ended=True)
            with closing(folder.spool()) as spool:
                shipment = Shipment(spool, "timm", KEY, str(ORGANIZATION), at.stream)
                api = AttemptApi(at.custody.api, KEY, "a token", None)
                work = asyncio.create_task(at.custody.ship_the_rest(folder, shipment, api))
                await at.shipped(KEY, [1, 2, 3])
                at.desk.archived = 2
                await asyncio.sleep(0)
                assert folder.path.exists()
                at.desk.archived = 3
                await asyncio.wait_for(work, 15)
            assert not folder.path.exists()

    asyncio.run(story())


def test_a_spool_that_nobody_confirms_is_kept_for_the_next_start(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 3, ended=True)
            at.desk.forgotten = True
            await asyncio.wait_for(at.custody.recover(), 15)
            assert folder.path.exists()
            at.desk.forgotten, at.desk.archived = False, 3
            await asyncio.wait_for(at.custody.recover(), 15)
            assert not folder.path.exists()

    asyncio.run(story())


def test_an_attempt_that_was_cut_off_is_given_back_once_and_its_work_removed(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 2)
            cut_off = asyncio.create_task(at.custody.recover())
            await at.shipped(KEY, [1, 2])
            cut_off.cancel()
            assert given_back(at.desk) == [("hand-over", "worker_lost")]
            assert folder.ended
            assert not folder.work.exists()
            at.desk.archived = 2
            await asyncio.wait_for(at.custody.recover(), 15)
            assert given_back(at.desk) == [("hand-over", "worker_lost")]
            assert not folder.path.exists()

    asyncio.run(story())


def test_an_attempt_of_whose_end_the_platform_knows_is_not_given_back(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 2, ended=True)
            at.desk.archived = 2
            await asyncio.wait_for(at.custody.recover(), 15)
            assert at.desk.reports == []
            assert not folder.path.exists()

    asyncio.run(story())


def test_an_attempt_that_was_given_to_another_still_ships_its_points(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 2)
            at.desk.stale = True
            working = asyncio.create_task(at.custody.recover())
            await at.shipped(KEY, [1, 2])
            at.desk.archived = 2
            await asyncio.wait_for(working, 15)
            assert at.desk.reports == []
            assert not folder.path.exists()

    asyncio.run(story())


def test_attempts_do_not_wait_for_each_other(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            silent, other = at.left(KEY, 0), at.left(OTHER, 2)
            working = asyncio.create_task(at.custody.recover())
            await until(lambda: not silent.path.exists())
            await at.shipped(OTHER, [1, 2])
            assert other.path.exists()
            at.desk.archived = 2
            await asyncio.wait_for(working, 15)
            assert given_back(at.desk) == [("hand-over", "worker_lost")] * 2

    asyncio.run(story())


def test_nothing_is_lost_where_platform_and_bus_are_away_at_first(bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(bus, tmp_path) as at:
            folder = at.left(KEY, 2)
            at.desk.away = at.is_away = True
            working = asyncio.create_task(at.custody.recover())
            await asyncio.sleep(0.5)
            assert (at.desk.reports, folder.ended) == ([], False)
            at.desk.away = False
            await until(lambda: folder.ended)
            assert await at.on_the_stream(KEY) == []
            at.is_away = False
            await at.shipped(KEY, [1, 2])
            at.desk.archived = 2
            await asyncio.wait_for(working, 15)
            assert given_back(at.desk) == [("hand-over", "worker_lost")]

    asyncio.run(story())
