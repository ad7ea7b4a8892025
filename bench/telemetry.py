"""Figures of a training on their way to archive, MLflow and whoever looks on, against MLflow's own log_batch."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from nats.js import JetStreamContext
from psycopg_pool import ConnectionPool
from pydantic import SecretStr

from bench.frame import Bench, Result, percentile
from consumers.mlflow import BATCHES, batch_figures
from consumers.telemetry import MOST_POINTS
from infra import streams
from infra.archive import Archive
from infra.blobs import Blobs
from infra.bus import connect, jetstream
from infra.config import Settings
from infra.embedded.nats import Nats
from infra.feed import Feed, Place
from infra.leases import Key
from infra.migrate import migrate_keys
from infra.mlflow import Mlflow
from infra.objects import Objects
from infra.positions import Positions
from infra.provision import KEYS
from infra.shipping import Shipment
from infra.spool import Spool
from tests.consumers.test_run_writer import Scene, begun
from tests.ground import ORGANIZATION, ground

FIGURES = {"train/box_loss": 1.25, "train/cls_loss": 0.5, "train/dfl_loss": 0.75}
LOG_BATCH = "MLflow's log_batch, 1,000 at a time"
A_SECOND, SECONDS = 1_000, 4
RUN = "from consumers.app import main; from infra.config import Settings; main(Settings())"


@dataclass
class Way:
    """From one worker's disk to everybody who waits for its figures."""

    scene: Scene
    settings: Settings
    pool: ConnectionPool
    bus: Nats
    folder: Path

    @property
    def archive(self) -> Archive:
        return Archive(self.pool, Blobs(self.pool, Objects.open(self.settings)))

    def job(self) -> Key:
        self.scene.job_id = uuid4()
        self.scene.happened(begun(self.scene))
        return Key(self.scene.job_id, 1)

    def spool(self, key: Key, points: int) -> Spool:
        spool = Spool(self.folder / str(key))
        for n in range(1, points + 1):
            report(spool, n, points)
        return spool


def report(spool: Spool, n: int, of: int) -> None:
    spool.append("batch", {"epoch": 1, "batch": n, "batches": of, "metrics": FIGURES})


def telemetry(bench: Bench) -> Iterator[Result]:
    few, many = bench.size(2_000, 20_000), bench.size(20_000, 400_000)
    with way(bench) as along:
        limit = asyncio.run(_log_batch(along, few))
        ours = asyncio.run(_into_mlflow(along, few))
        yield Result("figures into MLflow", "/s", ours, limit, LOG_BATCH, 0.8)
        kept, live = asyncio.run(_kept_and_live(along, many))
        yield Result("figures into the archive", "/s", kept, limit, LOG_BATCH, 10)
        yield Result("figures to who follows live", "/s", live, limit, LOG_BATCH, 10)
        away, _ = asyncio.run(_paced(along, is_away=True))
        there, late = asyncio.run(_paced(along, is_away=False))
        what = f"points that a training reports, at {A_SECOND:,} a second"
        notes = {"ms late at the 99th percentile": late * 1000}
        yield Result(what, "/s", there, away, "everybody away", 0.99, notes=notes)


async def _log_batch(along: Way, points: int) -> float:
    """The same figures as our writer logs, by whoever knows nothing of us."""
    bare = Mlflow(along.scene.mlflow_url)
    now = int(time.time() * 1000)
    run = await bare.run(await bare.experiment(f"bare {uuid4()}", {}), uuid4(), "bare", {}, now)
    at = datetime.now(UTC).isoformat()
    told = [
        {"kind": "batch", "epoch": 1, "batch": n, "batches": points, "at": at, "metrics": FIGURES}
        for n in range(points)
    ]
    start = time.perf_counter()
    await bare.log(run, batch_figures(told))
    seconds = time.perf_counter() - start
    await bare.close()
    return points * len(FIGURES) / seconds


async def _into_mlflow(along: Way, points: int) -> float:
    key = along.job()
    async with bus_of(along) as js:
        with closing(along.spool(key, points)) as spool:
            start = time.perf_counter()
            await shipment(spool, key, lambda: js).run()
            async with bus_of(along, "admin") as others:
                last = (await others.stream_info(streams.TELEMETRY)).state.last_seq
            await until(lambda: Positions(along.pool).of(BATCHES) >= last)
            seconds = time.perf_counter() - start
    await until(lambda: along.archive.reaches(*key) == points)
    return points * len(FIGURES) / seconds


async def _kept_and_live(along: Way, points: int) -> tuple[float, float]:
    """A training that says all at once: how soon everything is kept, and how soon somebody has read everything.

    A rest of less than the archive writes at once would wait for more, and the wait be measured with it.
    """
    assert points % MOST_POINTS == 0
    key = along.job()
    async with bus_of(along) as js, bus_of(along, "api") as others:
        feed = Feed(along.archive, lambda: others, "timm", ORGANIZATION, key.job, Place())
        start = time.perf_counter()
        with closing(along.spool(key, points)) as spool:
            shipping = asyncio.create_task(shipment(spool, key, lambda: js).run())
            while feed.place.n < points:
                if not await feed.next():
                    await asyncio.sleep(0.02)
            live = time.perf_counter() - start
            await shipping
        await until(lambda: along.archive.reaches(*key) == points)
        kept = time.perf_counter() - start
    return points * len(FIGURES) / kept, points * len(FIGURES) / live


async def _paced(along: Way, is_away: bool) -> tuple[float, float]:
    """How many points a second the worker takes from a training that has so many, and how late it takes them."""
    key = along.job()
    late: list[float] = []
    async with bus_of(along) as js:
        with closing(along.spool(key, 0)) as spool:
            shipping = asyncio.create_task(shipment(spool, key, lambda: None if is_away else js).run())
            start = time.perf_counter()
            for n in range(1, A_SECOND * SECONDS + 1):
                await asyncio.sleep(max(0.0, start + n / A_SECOND - time.perf_counter()))
                report(spool, n, A_SECOND * SECONDS)
                late.append(time.perf_counter() - start - n / A_SECOND)
            seconds = time.perf_counter() - start
            shipping.cancel()
    return A_SECOND * SECONDS / seconds, percentile(late, 0.99)


def shipment(spool: Spool, key: Key, stream: Callable[[], JetStreamContext | None]) -> Shipment:
    """It ends with what is there; a training that goes on is `ended` all the same to whoever cancels it."""
    return Shipment(spool, "timm", key, str(ORGANIZATION), stream, ended=spool.last > 0)


async def until(true: Callable[[], bool]) -> None:
    while not await asyncio.to_thread(true):  # noqa: ASYNC110 (what is waited for happens in another process)
        await asyncio.sleep(0.02)


@asynccontextmanager
async def bus_of(along: Way, user: str = "trainer-timm") -> AsyncIterator[JetStreamContext]:
    client = await connect(along.bus.url(user))
    try:
        yield jetstream(client, timeout=5.0)
    finally:
        await client.close()


@contextmanager
def way(bench: Bench) -> Iterator[Way]:
    servers = bench.servers
    databases = servers.fresh_database()
    with servers.fresh_nats() as bus, ground(databases) as ready, tempfile.TemporaryDirectory() as folder:
        migrate_keys(databases.keys_owner_url, KEYS)
        asyncio.run(_declared(bus, ready.ledger.head()))
        settings = servers.settings("consumers", databases, bus)
        mlflow_url = f"http://127.0.0.1:{bench.mlflow_port}"
        with (
            ConnectionPool(databases.app_url, min_size=1, open=True, kwargs={"autocommit": True}) as pool,
            _consumers(settings, Path(folder)),
        ):
            yield Way(Scene(ready, mlflow_url), settings, pool, bus, Path(folder))
    servers.drop(databases)


async def _declared(bus: Nats, head: Any) -> None:
    client = await connect(bus.url("admin"))
    await streams.declare(jetstream(client), head, ())
    await client.close()


@contextmanager
def _consumers(settings: Settings, folder: Path) -> Iterator[None]:
    """The real process."""
    told = settings.model_dump(exclude_none=True)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in told.items()}
    file = folder / "consumers.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(plain, default=str))
    environment = os.environ | {"VISTORY_SETTINGS_FILE": str(file)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()
