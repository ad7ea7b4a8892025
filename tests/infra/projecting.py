"""A ledger with the read models over it, a bus of their own between them, and poison to put into a fold."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from domain.model import Client, Envelope, Recorded
from infra import bus, streams
from infra.batch import batches, publish_batch
from infra.cancelling import cancel_and_wait
from infra.embedded.nats import Nats
from infra.ledger import Append
from infra.migrate import migrate, migrate_keys
from infra.projector import Projector
from infra.provision import APP, KEYS
from infra.published import pack
from infra.reading import Reading, consumer, engine_for
from infra.stream_rebuild import begin_generation, rebuild_stream
from infra.tables import furnish
from infra.wiring import Core
from projections import PROJECTIONS
from projections.model import Key, Projection, Row
from tests.servers import Databases, Servers

RUN = "from consumers.{} import main; from infra.config import Settings; main(Settings())"
NAMES = [projection.name for projection in PROJECTIONS]


@dataclass
class Scene:
    core: Core
    engine: Engine
    reading: Reading
    nats: Nats
    databases: Databases

    def tell(self, events: Sequence[Recorded], at_once: int = 50) -> int:
        """Write events that were recorded elsewhere into this ledger; returns the position reached."""
        ledger = self.core.mapper.ledger
        stored = [self.core.mapper.encode(each.event, here(each.envelope, ledger)) for each in events]
        for start in range(0, len(stored), at_once):
            alone = [Append(uuid7(), b"", {"id": str(ledger)}, [one]) for one in stored[start : start + at_once]]
            assert {verdict.verdict for verdict in self.core.store.append(alone)} == {"accepted"}
        return self.core.store.head().position

    async def publish(self, after: int = 0, upto: int | None = None, generation: int | None = None) -> None:
        """What the relay would do, once."""
        head = self.core.store.head()
        head = head._replace(generation=generation or head.generation)
        rows = self.core.store.read(after, (upto or head.position) - after)
        client = await bus.connect(self.nats.url("admin"))
        for batch in batches([pack(row, head) for row in rows]):
            await publish_batch(client, batch, after)
            after += len(batch)
        await client.close()

    async def publish_lost(self, after: int) -> None:
        """An event that a store had carried over before it was restored from a backup."""
        (last,) = self.core.store.read(after - 1, 1)
        lost = last._replace(position=after + 1, chain=bytes(32))
        client = await bus.connect(self.nats.url("admin"))
        await publish_batch(client, [pack(lost, self.core.store.head())], after)
        await client.close()

    async def publish_foreign(self) -> None:
        client = await bus.connect(self.nats.url("admin"))
        await client.jetstream().publish("vistory.events.foreign", b"{}")
        await client.close()

    async def rebuild_stream(self) -> None:
        client = await bus.connect(self.nats.url("admin"))
        await rebuild_stream(client.jetstream(), self.core.store.head(), [])
        await client.close()

    async def begin_generation(self) -> None:
        begin_generation(self.databases.owner_url)
        await self.rebuild_stream()

    @asynccontextmanager
    async def projecting(self, projections: Sequence[Projection] = PROJECTIONS) -> AsyncIterator[Projector]:
        client = await bus.connect(self.nats.url("projector"))
        projector = Projector.of(self.core.store, self.core.mapper, self.engine, projections)
        task = asyncio.create_task(projector.run(client))
        try:
            yield projector
        finally:
            await cancel_and_wait(task)
            await client.close()

    async def reached(self, position: int, names: Sequence[str] = NAMES) -> None:
        await asyncio.to_thread(self.reading.wait_until, names, position, 20)

    def position(self, name: str) -> tuple[int, str | None]:
        """How far a projection is, and what it was stopped by."""
        with psycopg.connect(self.databases.app_url) as connection:
            query = "SELECT position, stopped FROM work.positions WHERE consumer = %s"
            row = connection.execute(query, (consumer(name),)).fetchone()
        return (row[0], row[1]) if row else (0, None)

    def count(self, table: str) -> int:
        with psycopg.connect(self.databases.app_url) as connection:
            row = connection.execute(f"SELECT count(*) FROM read.{table}".encode()).fetchone()
        assert row is not None
        return int(row[0])


def here(envelope: Envelope, ledger: UUID) -> Envelope:
    """The same, in this ledger, and with a place that a person came from."""
    context = Client(address="192.0.2.7", agent="a browser") if envelope.actor.kind == "person" else None
    return envelope.model_copy(update={"ledger": ledger, "context": context})


@contextmanager
def scene(servers: Servers, databases: Databases, nats: Nats) -> Iterator[Scene]:
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    engine, reading = engine_for(databases.app_url, pre_ping=False), Reading(databases.app_url)
    with Core.open(servers.settings("projector", databases, nats)) as core:
        asyncio.run(declared(core, nats))
        assert furnish(engine, PROJECTIONS) == []
        yield Scene(core, engine, reading, nats, databases)
    reading.close()
    engine.dispose()


async def declared(core: Core, nats: Nats) -> None:
    client = await bus.connect(nats.url("admin"))
    await streams.declare_events(client.jetstream(), core.store.head())
    await client.close()


def poisoned(
    name: str, when: Callable[[Recorded], bool], into: Callable[[Row], Row] | None = None
) -> tuple[Projection, ...]:
    """All projections, of which one cannot fold an event, or makes something else of it."""

    def spoilt(projection: Projection) -> Projection:
        first, *others = projection.views

        def fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
            if not when(recorded):
                return first.fold(row, recorded, key)
            if into is None:
                raise ValueError("this cannot be folded")
            return into(first.fold(row, recorded, key) or {})

        return replace(projection, views=(replace(first, fold=fold), *others))

    return tuple(spoilt(each) if each.name == name else each for each in PROJECTIONS)


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(true):
        assert time.monotonic() < end, "it did not come to be in time"
        await asyncio.sleep(0.01)


def projector_process(at: Scene, servers: Servers, folder: Path) -> AbstractContextManager["subprocess.Popen[str]"]:
    return process_of("projector", at, servers, folder)


@contextmanager
def process_of(name: str, at: Scene, servers: Servers, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    told = servers.settings(name, at.databases, at.nats).model_dump(exclude_none=True)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in told.items()}
    file = folder / f"{name}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(plain, default=str))
    argv = [sys.executable, "-c", RUN.format(name)]
    environment = os.environ | {"VISTORY_SETTINGS_FILE": str(file)}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
