"""A service that is killed between two of its steps, at that very moment: what was begun is ended once."""

import asyncio
from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

from infra.embedded.nats import Nats
from tests.consumers.front_desk import FrontDesk, digest
from tests.consumers.test_ends import WAITS
from tests.consumers.test_liveness import pool, service_of_its_own, watched
from tests.consumers.test_training import JOB, bus, durable, scene, trains, until, until_acknowledged
from tests.doubles_of_trainers import ScriptedExecutor
from tests.servers import Servers

__all__ = ["bus", "pool"]
TRAINS = """
model = os.path.join(os.path.dirname(sys.argv[4]), "model")
open(model, "w").write("weights")
file = {{"path": model, "sha256": "{sha256}", "size": 7}}
say(kind="epoch", epoch=1, epochs=1, metrics={{}}, seconds=0.1)
say(kind="result", metrics={{}}, per_class=[], best_epoch=1, model=file, picture=None)
""".format(sha256=digest(b"weights"))


def test_a_service_that_is_killed_between_a_claim_and_its_receipt_leaves_the_job_to_another(
    servers: Servers, bus: Nats, pool: ConnectionPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform has it as claimed, the queue as not taken, and no worker knows of it: nobody renews its lease."""
    monkeypatch.setattr("infra.streams.ACK_WAIT", 2.0)  # until the queue gives the job to another
    (tmp_path / "first").mkdir()

    async def story() -> None:
        desk = FrontDesk(parameters={"does": WAITS}, held="claim")
        async with scene(servers, bus, tmp_path / "second", ScriptedExecutor(trains), desk) as at:
            await at.service._free.acquire()  # it has no place for the first attempt
            async with service_of_its_own(at, tmp_path / "first") as first:
                await at.request()
                await until(lambda: desk.holding, within=60.0)
                first.kill()
                await first.wait()
            assert (await durable(at)).num_ack_pending == 1
            desk.held = ""
            async with watched(at, bus, pool) as ward:
                at.service._free.release()
                await until(lambda: "complete" in desk.kinds(), within=60.0)
                await until_acknowledged(at, 2)
                assert len(ward.given) == 1
            assert desk.claimed == [(str(JOB), 1), (str(JOB), 2)]
            assert desk.kinds().count("start") == desk.kinds().count("complete") == 1
            assert len(at.executor.started) == 1

    asyncio.run(story())


def test_a_service_that_is_killed_between_the_upload_of_its_model_and_its_last_report_gives_the_job_back(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    """Its next start does, and whoever claims the next attempt ends it: the model is there once, and so is the end."""
    (tmp_path / "first").mkdir()

    async def story() -> None:
        desk = FrontDesk(parameters={"does": TRAINS}, held="complete")
        async with scene(servers, bus, tmp_path / "second", ScriptedExecutor(trains), desk) as at:
            await at.service._free.acquire()
            async with service_of_its_own(at, tmp_path / "first") as first:
                await at.request()
                await until(lambda: desk.holding, within=60.0)
                first.kill()
                await first.wait()
            assert desk.objects[digest(b"weights")] == b"weights"
            assert "complete" not in desk.kinds()
            desk.held, desk.archived = "", 10_000
            async with service_of_its_own(at, tmp_path / "first"):
                await until(lambda: "hand-over" in desk.kinds(), within=60.0)
                await until(lambda: not list((tmp_path / "first").glob("trainer-timm/attempts/*")))
            desk.current = 2
            at.service._free.release()
            await at.request(attempt=2)
            await until(lambda: "complete" in desk.kinds())
            (given_back,) = [body for kind, body in desk.reports if kind == "hand-over"]
            assert given_back["evidence"]["reason"] == "worker_lost"
            assert desk.kinds().count("complete") == 1
            assert desk.claimed == [(str(JOB), 1), (str(JOB), 2)]

    asyncio.run(story())
