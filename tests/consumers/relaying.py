"""A relay on a bus and a ledger of its own: in this process to be looked into, or as a process to be killed."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import psycopg
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from consumers.relay import Relay
from infra import bus, durables, streams
from infra.cancelling import cancel_and_wait
from infra.progress import Progress
from infra.stream_compare import compare
from tests.ground import Ground

RUN = "from consumers.relay import main; from infra.config import Settings; main(Settings())"


class Bus(Protocol):
    """One server, or several."""

    def url(self, user: str) -> str: ...


@dataclass
class Scene:
    nats: Bus
    ledger: Ground
    admin: Client

    @property
    def js(self) -> JetStreamContext:
        return self.admin.jetstream()

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[tuple[Relay, "asyncio.Task[None]"]]:
        client = await bus.connect(self.nats.url("relay"))
        progress = Progress(self.ledger.databases.app_url, "relay")
        relay = Relay(self.ledger.ledger, client, progress.note)
        task = asyncio.create_task(relay.run())
        try:
            yield relay, task
        finally:
            await cancel_and_wait(task)
            await client.close()
            progress.close()

    async def relay_all(self) -> Relay:
        """A relay of its own, until it has carried everything over. Raises what stops the relay."""
        before = max(0, await self.last())
        async with self.relaying() as (relay, task):
            await self.settle(task)
            await counted(self.ledger.ledger.head().position - before, relay)
            return relay

    async def settle(self, *tasks: "asyncio.Task[None]") -> None:
        async def level() -> bool:
            for task in tasks:
                if task.done():
                    task.result()
            with suppress(NatsError):  # whoever leads the stream may be away for a moment
                return await self.last() == self.ledger.ledger.head().position
            return False

        await until(level)

    async def last(self) -> int:
        """Where the stream ends; -1 where there is none."""
        found = [info.state.last_seq for info in await self.js.streams_info() if info.config.name == streams.EVENTS]
        return found[0] if found else -1

    async def assert_same(self) -> None:
        found = await compare(self.ledger.ledger, self.js)
        assert found.equal, found
        assert found.compared == self.ledger.ledger.head().position

    def stopped(self) -> str | None:
        """What the relay says keeps it from going on."""
        with psycopg.connect(self.ledger.databases.app_url) as connection:
            row = connection.execute("SELECT stopped FROM work.positions WHERE consumer = 'relay'").fetchone()
        return row[0] if row else None

    def instead(self, ledger: Ground) -> "Scene":
        """The same bus, with another store behind it."""
        return replace(self, ledger=ledger)


@asynccontextmanager
async def scene(nats: Bus, ledger: Ground, replicas: int = 1) -> AsyncIterator[Scene]:
    admin = await bus.connect(nats.url("admin"))
    try:
        trainers = durables.for_trainers(ledger.databases.app_url, ["timm"])
        await streams.declare(admin.jetstream(), ledger.ledger.head(), trainers, replicas)
        yield Scene(nats, ledger, admin)
    finally:
        await admin.close()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end, "it did not come to be in time"
        await asyncio.sleep(0.01)


async def counted(events: int, *relays: Relay) -> None:
    """A relay counts a batch once its answer is here, a moment after the stream has it."""

    async def all_of_them() -> bool:
        return sum(relay.counters.events for relay in relays) == events

    await until(all_of_them)


@contextmanager
def relay_process(scene: Scene, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    file = folder / "relay.json"
    told = {"database_url": scene.ledger.databases.app_url, "nats_url": scene.nats.url("relay")}
    file.touch(mode=0o600)
    file.write_text(json.dumps(told))
    with (
        (folder / "relay.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-c", RUN], env=os.environ | {"VISTORY_SETTINGS_FILE": str(file)}, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
