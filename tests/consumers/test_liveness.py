"""Who is alive and who is gone: the real reaper on a real bus, and services that are killed, asleep or out of sight."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from commands.access import Command
from commands.training_job import LoseAttempt
from consumers.acting import Platform
from consumers.reaper import RealEyes, Reaper, Running
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.executors import ROOT
from infra.leases import LASTS, Patience
from tests.consumers.front_desk import FrontDesk
from tests.consumers.test_ends import WAITS, is_gone, pid_of
from tests.consumers.test_training import JOB, Scene, bus, hangs, scene, server_of, until
from tests.consumers.test_training import Hanging as HangingExecutor
from tests.doubles_of_trainers import TRAINING, environments_with
from tests.ground import ground
from tests.servers import Databases, Servers

__all__ = ["bus"]
SERVICE = "from consumers.training import main; from infra.config import Settings; main(Settings(), 'timm')"


@dataclass(frozen=True)
class Eyes(RealEyes):
    """Real ones, but for the read model of what runs."""

    attempts: list[Running] = field(default_factory=list)

    async def running(self) -> Sequence[Running]:
        return list(self.attempts)


@dataclass
class Ward:
    """The reaper over one scene: an attempt that it gives up is stale, and the next one may begin."""

    at: Scene
    eyes: Eyes
    given: list[Command] = field(default_factory=list)

    async def act(self, command: Command, about: UUID, name: str) -> None:
        assert isinstance(command, LoseAttempt)
        self.given.append(command)
        self.at.desk.current = command.attempt + 1
        self.eyes.attempts[:] = [Running(JOB, self.at.desk.current, "timm")]
        await self.at.request(attempt=self.at.desk.current)


@pytest.fixture
def pool(fresh_database: Callable[..., Databases]) -> Iterator[ConnectionPool]:
    """Where nobody was ever heard of over HTTP: only the bus tells of anybody."""
    with (
        ground(fresh_database()) as ready,
        ConnectionPool(ready.databases.app_url, kwargs={"autocommit": True}) as pool,
    ):
        yield pool


@asynccontextmanager
async def watched(at: Scene, bus: Nats, pool: ConnectionPool, lasts: float = LASTS) -> AsyncIterator[Ward]:
    client = await connect(bus.url("consumers"))
    ward = Ward(at, Eyes(pool, client, [Running(JOB, 1, "timm")]))
    reaper = Reaper(cast(Platform, cast(Any, ward)), ward.eyes, patience=Patience(lasts=lasts))
    watching = asyncio.create_task(reaper.run())
    try:
        yield ward
    finally:
        watching.cancel()
        await client.close()


@asynccontextmanager
async def service_of_its_own(at: Scene, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that can be killed."""
    told = at.service._settings.model_dump(mode="json") | {
        "data": str(folder),
        "environments": str(environments_with(TRAINING, folder, "timm")),
    }
    plain = {name: at.service._settings.need(name) for name in ("nats_url", "worker_credential")}
    file = folder / "settings.json"
    file.write_text(json.dumps({name: value for name, value in (told | plain).items() if value is not None}))
    file.chmod(0o600)
    environment = os.environ | {"VISTORY_SETTINGS_FILE": str(file)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_job_of_a_service_that_is_gone_is_claimed_again_within_ten_seconds(
    servers: Servers, bus: Nats, pool: ConnectionPool, tmp_path: Path, how: signal.Signals
) -> None:
    """And one that only slept finds its attempt given away, says nothing of it, and ends its training."""
    (tmp_path / "first").mkdir()

    async def story() -> None:
        desk = FrontDesk(parameters={"does": WAITS})
        async with scene(servers, bus, tmp_path / "second", HangingExecutor(hangs), desk) as at:
            await at.service._free.acquire()  # it has no place for the first attempt
            async with service_of_its_own(at, tmp_path / "first") as first:
                await at.request()
                await until(lambda: "start" in at.desk.kinds(), within=60.0)
                async with watched(at, bus, pool) as ward:
                    training = pid_of(at)
                    at.service._free.release()
                    gone = time.monotonic()
                    first.send_signal(how)
                    await until(lambda: (str(JOB), 2) in at.desk.claimed, within=10.0)
                    sys.stdout.write(f"claimed again {time.monotonic() - gone:.1f} s after {how.name}\n")
                    assert len(ward.given) == 1
                    if how is signal.SIGSTOP:
                        assert not is_gone(training)
                        first.send_signal(signal.SIGCONT)
                    await until(lambda: is_gone(training), within=10.0)
                    await until(lambda: at.desk.kinds() == ["start", "start"])
                    assert len(ward.given) == 1

    asyncio.run(story())


def test_a_bus_that_is_away_or_has_lost_its_leases_costs_no_healthy_training(
    servers: Servers, bus: Nats, pool: ConnectionPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.leases.RENEWED_EVERY", 0.3)
    monkeypatch.setattr("consumers.reaper.LOOKS_EVERY", 0.1)

    async def story() -> None:
        async with scene(servers, bus, tmp_path, HangingExecutor(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            async with watched(at, bus, pool, lasts=1.0) as ward:
                server = server_of(bus)
                server.suspend()
                await asyncio.sleep(4.0)
                server.resume()
                await asyncio.sleep(4.0)
                assert not ward.given, "the bus was suspended"
                server.kill()
                await until(lambda: at.service.stream() is not None and at.admin.is_connected)
                await asyncio.sleep(3.0)
                assert not ward.given, "the bus was killed, and came back"
                await at.admin.jetstream().delete_key_value("LEASES")
                await asyncio.sleep(4.0)
                assert not ward.given, "the leases are gone"

    asyncio.run(story())
