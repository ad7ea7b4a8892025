"""The service of a trainer on a real bus; its trainings are scripted, the platform is one in memory over HTTP."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psutil
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerInfo
from uuid_utils.compat import uuid7

from consumers.cancel import control
from consumers.training import Service
from consumers.waiting import SOONEST
from infra import streams
from infra.bus import connect
from infra.config import Settings
from infra.cores import Seat
from infra.embedded.nats import Nats
from infra.executors import Executor
from infra.leases import Key
from infra.ledger import Head, Row
from infra.mapper import Stored
from infra.nats_users import trainer_durable
from infra.published import pack
from infra.sole import Occupied
from infra.spool import Spool
from tests.consumers.front_desk import FrontDesk, digest, opened
from tests.doubles_of_trainers import ScriptedExecutor
from tests.servers import Servers

JOB = UUID("01a20a63-624f-7159-b14e-83ab9a67300c")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = {"kind": "started", "device": "cpu", "environment": {}, "parameters": {"epochs": 2}}


def trains(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Two epochs, a checkpoint, a result."""
    model, metrics = folder / "model", {"val/accuracy": 0.5}
    model.write_bytes(b"weights")
    file = {"path": str(model), "sha256": digest(b"weights"), "size": 7}
    epochs = [{"kind": "epoch", "epoch": n, "epochs": 2, "metrics": metrics, "seconds": 0.1} for n in (1, 2)]
    batch = {"kind": "batch", "epoch": 1, "batch": 1, "batches": 1, "metrics": {"loss": "NaN"}}
    result = {"kind": "result", "metrics": metrics, "per_class": [], "best_epoch": 2, "model": file, "picture": None}
    return [STARTED, batch, epochs[0], {"kind": "checkpoint", "epoch": 1, **file}, epochs[1], result]


def hangs(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    return [STARTED]


def complains(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Of files below the data folder, and below the home of whoever runs the service."""
    gone = {"kind": "checkpoint", "epoch": 1, "path": str(folder / "gone"), "sha256": "", "size": 1}
    message = f"cannot load {folder / 'model'} by {Path.home() / 'code.py'}"
    return [STARTED, gone, {"kind": "failed", "reason": "code_error", "message": message}]


class Hanging(ScriptedExecutor):
    async def start(self, order: Any) -> Any:
        order.job_file.write_text(json.dumps(json.loads(order.job_file.read_text()) | {"hangs": True}))
        return await super().start(order)


@dataclass
class Scene:
    service: Service
    desk: FrontDesk
    admin: Client
    consumers: Client
    executor: Any

    async def request(self, attempt: int = 1, job: UUID = JOB, position: int | None = None) -> None:
        """An attempt that may begin, as the relay publishes it."""
        topic = "training_job.requested" if attempt == 1 else "training_job.requeued"
        data = {"framework": "timm", "recipe": {"framework": "timm"}, "attempt": attempt}
        envelope = {"organization": str(organization_of(job)), "event": str(uuid7())}
        state = json.dumps({"data": data, "envelope": envelope}).encode()
        at = position or attempt
        message = pack(Row(at, NOW, b"", Stored(job, attempt, topic, state)), Head(UUID(int=1), 1, at, b""))
        await self.admin.jetstream().publish(message.subject, message.data, headers=message.headers)

    async def cancel(self) -> None:
        """As the reaction to a cancel that was requested."""
        await self.consumers.publish(control("timm", Key(JOB, 1)), b'{"cancel": true}')

    async def telemetry(self) -> list[dict[str, Any]]:
        """Every point on the stream, as a reader without the duplicates sees it."""
        js = self.admin.jetstream()
        found: dict[int, dict[str, Any]] = {}
        for sequence in range(1, (await js.stream_info("TELEMETRY")).state.last_seq + 1):
            message = await js.get_msg("TELEMETRY", seq=sequence)
            found |= {point["n"]: point for point in json.loads(message.data or b"")["points"]}
        return [found[n] for n in sorted(found)]


def organization_of(job: UUID) -> UUID:
    """As the front desk has it: by the first letter of its id."""
    return UUID(int=int(str(job)[0], 16))


def timms_durable() -> streams.Durable:
    job = "vistory.events.*.training_job.*"
    return streams.Durable(trainer_durable("timm"), (f"{job}.requested.timm", f"{job}.requeued.timm"))


def server_of(bus: Nats) -> psutil.Process:
    family = psutil.Process().children(recursive=True)
    return next(one for one in family if any(str(bus._home) in word for word in one.cmdline()))


async def until(true: Callable[[], object], within: float = 15.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 (what is waited for happens elsewhere)
            await asyncio.sleep(0.02)


@pytest.fixture
def bus(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as running:
        yield running


@asynccontextmanager
async def scene(
    servers: Servers,
    bus: Nats,
    folder: Path,
    executor: Executor,
    desk: FrontDesk | None = None,
    threads: int | None = 1,
) -> AsyncIterator[Scene]:
    admin, consumers = await connect(bus.url("admin")), await connect(bus.url("consumers"))
    await streams.declare(admin.jetstream(), Head(UUID(int=1), 1, 0, b""), [timms_durable()])
    async with opened(desk or FrontDesk()) as opened_desk:
        told = servers.settings("trainer-timm", nats=bus).model_dump()
        told |= {"data": folder, "api_url": opened_desk.url, "trainer_port": None, "threads": threads}
        service = Service(Settings(**told), "timm", executor)
        running = asyncio.create_task(service.run())
        try:
            yield Scene(service, opened_desk, admin, consumers, executor)
        finally:
            service.stop()
            await asyncio.wait_for(running, 10)
            await consumers.close()
            await admin.close()


def test_a_job_is_claimed_trained_reported_and_its_telemetry_shipped(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains)) as at:
            await at.request()
            await until(lambda: "complete" in at.desk.kinds())
            assert at.desk.kinds() == ["start", "epochs", "checkpoints", "epochs", "complete"]
            assert at.desk.objects[digest(b"weights")] == b"weights"
            assert at.desk.reports[-1][1]["result"] in at.desk.objects
            at.desk.archived = 10_000
            await until(lambda: not list(at.service._home.glob("attempts/*")))
            points = await at.telemetry()
            assert [point["n"] for point in points] == list(range(1, len(points) + 1))
            assert {"state", "batch", "epoch", "log"} == {point["kind"] for point in points}

    asyncio.run(story())


def test_an_outage_of_the_platform_delays_reports_and_loses_none(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains)) as at:
            await at.request()
            await until(lambda: at.executor.started)
            at.desk.away = True
            await asyncio.wait_for(at.executor.started[0].wait(), 5)
            assert "complete" not in at.desk.kinds()
            at.desk.away = False
            await until(lambda: "complete" in at.desk.kinds())
            assert len(at.desk.keys) == len(set(at.desk.keys))

    asyncio.run(story())


def test_a_service_whose_disk_is_full_takes_no_job_until_there_is_room(
    servers: Servers, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.training.CORES_ASKED_FOR_EVERY", 0.05)
    asked: list[Path] = []

    def full(path: Path) -> Any:
        asked.append(path)
        return SimpleNamespace(free=1024)

    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains)) as at:
            with monkeypatch.context() as disk:
                disk.setattr("shutil.disk_usage", full)
                await at.request()
                asked.clear()
                await until(lambda: len(asked) > 3)
                assert at.desk.claims == 0
                assert not at.service.health()["room"]
            await until(lambda: "complete" in at.desk.kinds())

    asyncio.run(story())


def test_what_a_full_disk_kept_from_its_end_is_made_good_once_there_is_room(
    servers: Servers, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.custody.AGAIN_EVERY", 0.1)
    append, full = Spool.append, [OSError(errno.ENOSPC, "No space left on device")] * 3

    def appended(spool: Spool, kind: str, fields: Any) -> None:
        if fields.get("state") in ("starting", "ended") and full:
            raise full.pop()
        append(spool, kind, fields)

    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains)) as at:
            monkeypatch.setattr(Spool, "append", appended)
            at.desk.archived = 10_000
            await at.request()
            await until(lambda: "hand-over" in at.desk.kinds())
            await until(lambda: not list(at.service._home.glob("attempts/*")))
            assert [point["state"] for point in await at.telemetry()] == ["preparing"]

    asyncio.run(story())


def test_a_cancel_on_the_bus_ends_the_training_at_once(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            await at.cancel()
            await until(lambda: "fail" in at.desk.kinds(), within=2.0)
            assert at.desk.reports[-1][1]["evidence"]["reason"] == "user"

    asyncio.run(story())


def test_a_cancel_is_heard_without_the_bus_too(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            at.desk.cancelling = True
            await at.request()
            await until(lambda: "fail" in at.desk.kinds())
            assert at.desk.reports[-1][1]["evidence"]["reason"] == "user"

    asyncio.run(story())


def test_a_worker_that_the_bus_does_not_see_is_heard_of_oftener_by_the_platform(
    servers: Servers, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the only sign of its life then."""
    monkeypatch.setattr("consumers.attempt.POLLED_EVERY", 600.0)
    monkeypatch.setattr("consumers.attempt.POLLED_ALONE_EVERY", 0.05)
    monkeypatch.setattr("infra.leases.RENEWED_EVERY", 0.3)

    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            server_of(bus).suspend()
            try:
                await until(lambda: at.desk.polls > 3)
            finally:
                server_of(bus).resume()

    asyncio.run(story())


def test_an_attempt_that_is_not_ours_any_more_is_ended_without_a_word(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs), FrontDesk(stale=True)) as at:
            await at.request()
            await until(lambda: at.executor.started)
            await until(lambda: at.executor.started[0].status() is not None and not at.service.running)
            assert at.desk.reports == []

    asyncio.run(story())


def test_a_service_that_stops_hands_over_what_runs(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            desk = at.desk
        assert desk.kinds()[-1] == "hand-over"
        assert desk.reports[-1][1]["evidence"]["reason"] == "handed_over"

    asyncio.run(story())


def test_data_that_vanished_ends_as_a_data_error_that_names_the_file(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> None:
        desk = FrontDesk()
        desk.objects.clear()
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), desk) as at:
            await at.request()
            await until(lambda: "fail" in at.desk.kinds())
            evidence = at.desk.reports[-1][1]["evidence"]
            assert evidence["reason"] == "data_error"
            assert "train.png" in evidence["message"]
            assert not at.executor.started

    asyncio.run(story())


def test_a_checkpoint_whose_hash_does_not_verify_is_not_loaded(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        desk = FrontDesk(resume=({"epoch": 3, "sha256": digest(b"good"), "size": 4},))
        desk.objects[digest(b"good")] = b"evil"
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), desk) as at:
            await at.request(attempt=2)
            await until(lambda: "complete" in at.desk.kinds())
            assert at.executor.started[0].job["resume"] is None
            assert any("was not loaded" in point.get("line", "") for point in await at.telemetry())

    asyncio.run(story())


def test_why_a_training_failed_names_no_folder_of_the_machine_that_it_ran_on(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(complains)) as at:
            await at.request()
            await until(lambda: "fail" in at.desk.kinds())
            evidence = at.desk.reports[-1][1]["evidence"]
            model = Path("[data]", "trainer-timm", "attempts", f"{JOB}.1", "work", "model")
            assert f"{model} by ~/code.py" in evidence["message"]
            assert "is gone already" in evidence["last_lines"][0]
            assert str(tmp_path) not in str(evidence)
            assert str(Path.home()) not in str(evidence)

    asyncio.run(story())


def test_a_report_that_was_refused_on_the_way_spoils_no_good_end(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), FrontDesk(refuses=("epochs",))) as at:
            await at.request()
            await until(lambda: "complete" in at.desk.kinds() and not at.service.running)
            assert at.desk.kinds() == ["start", "checkpoints", "complete"]

    asyncio.run(story())


def test_a_result_that_was_refused_is_told_as_a_failure(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), FrontDesk(refuses=("complete",))) as at:
            await at.request()
            await until(lambda: "fail" in at.desk.kinds())
            assert "refused the result: 422" in at.desk.reports[-1][1]["evidence"]["message"]

    asyncio.run(story())


def test_a_second_service_in_one_folder_does_not_begin_and_leaves_the_work_of_the_first_alone(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            second = Service(at.service._settings, "timm", Hanging(hangs))
            with pytest.raises(Occupied):
                await asyncio.wait_for(second.run(), 5)
            assert at.desk.kinds() == ["start"]
            assert at.executor.started[0].status() is None

    asyncio.run(story())


def test_a_training_that_may_use_no_gpu_waits_and_keeps_no_other_of_its_organization_from_its_turn(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    first, second = (UUID(f"10000000-0000-7000-8000-00000000000{n}") for n in (1, 2))

    async def story() -> None:
        desk = FrontDesk(no_hours_for=str(first))
        async with scene(servers, bus, tmp_path / "one", Hanging(trains), desk) as at:
            for position, job in enumerate((first, second), 1):
                await at.request(job=job, position=position)
            await until(lambda: bool(at.executor.started))
            assert [job for job, _ in desk.claimed] == [str(second)]
            desk.no_hours_for = ""
            at.executor.started[0].end(0)
            await until(lambda: len(at.executor.started) == 2)
            assert [job for job, _ in desk.claimed] == [str(second), str(first)]
            at.executor.started[1].end(0)

    asyncio.run(story())


def test_an_organization_that_has_its_share_keeps_no_other_from_its_turn(
    servers: Servers, bus: Nats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, theirs = (UUID(f"{n}0000000-0000-7000-8000-00000000000{m}") for n, m in ((1, 1), (1, 2), (2, 1)))
    caplog.set_level("INFO")

    async def story() -> None:
        async with scene(servers, bus, tmp_path / "one", Hanging(trains), FrontDesk(limit=1)) as at:
            told = at.service._settings.model_copy(update={"data": tmp_path / "two"})
            beside = Service(told, "timm", other := Hanging(trains))
            running = asyncio.create_task(beside.run())
            try:
                for position, job in enumerate((first, second, theirs), 1):
                    await at.request(job=job, position=position)
                await until(lambda: len(at.executor.started + other.started) == 2)
                begun, waits = (first, second) if (str(first), 1) in at.desk.claimed else (second, first)
                assert {job for job, _ in at.desk.claimed} == {str(begun), str(theirs)}
                await until(lambda: f"{waits}.1 cannot be claimed now: it has its share" in caplog.text)
                for execution in [*at.executor.started, *other.started]:
                    execution.end(0)
                await until(lambda: str(waits) in {job for job, _ in at.desk.claimed})
            finally:
                beside.stop()
                await asyncio.wait_for(running, 10)

    asyncio.run(story())


def test_a_long_line_of_one_organization_keeps_no_job_of_another_from_its_turn(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    """What was put back is delivered before anything new: so many jobs must not fill the time of a worker."""
    one, *line = (UUID(f"10000000-0000-7000-8000-{n:012}") for n in range(600))
    theirs = UUID("20000000-0000-7000-8000-000000000000")

    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs), FrontDesk(limit=1)) as at:
            at.desk.claimed.append((str(one), 1))
            await asyncio.gather(*(at.request(job=job, position=n) for n, job in enumerate(line, 1)))
            await until_delivered(at, len(line))
            await asyncio.sleep(SOONEST)  # the first of them come again
            await at.request(job=theirs, position=1 + len(line))
            await until(lambda: (str(theirs), 1) in at.desk.claimed, within=10.0)
            assert at.desk.asked < len(line) / 10, "nor is the platform asked for each of them"
            at.desk.completed.add(str(one))
            await until(lambda: at.executor.started)
            at.executor.started[0].end(0)
            await until(lambda: len(at.desk.claimed) == 3)
            assert UUID(at.desk.claimed[-1][0]) in line, "and a place that is free is taken"

    asyncio.run(story())


def test_a_job_waits_in_its_queue_until_a_core_is_free(
    servers: Servers, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others may find it: a service on a full machine takes nothing out."""
    monkeypatch.setattr("consumers.training.CORES_ASKED_FOR_EVERY", 0.1)

    async def story() -> None:
        other = Seat(tmp_path / "run" / "trainers", "ultralytics")
        assert other.take()
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), threads=None) as at:
            asked = count_calls(monkeypatch, at.service._seat, "take")
            await at.request()
            await until(lambda: len(asked) > 3)
            assert (await durable(at)).delivered.consumer_seq == 0  # type: ignore[union-attr]
            other.leave()
            await until(lambda: "complete" in at.desk.kinds())

    asyncio.run(story())


def test_a_request_that_is_delivered_again_begins_nothing(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, Hanging(hangs)) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            await at.request(position=2)
            at.service._free.release()
            await until_acknowledged(at, 2)
            assert len(at.executor.started) == len(at.desk.claimed) == 1

    asyncio.run(story())


def test_a_job_that_is_not_there_is_not_asked_for_again(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(servers, bus, tmp_path, ScriptedExecutor(trains), FrontDesk(unknown=True)) as at:
            await at.request()
            await until_acknowledged(at, 1)
            assert (await durable(at)).num_ack_pending == 0

    asyncio.run(story())


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[str]:
    called: list[str] = []
    really = getattr(owner, name)

    def call() -> object:
        called.append(name)
        return really()

    monkeypatch.setattr(owner, name, call)
    return called


async def until_delivered(at: Scene, position: int) -> None:
    async with asyncio.timeout(60):
        while (await durable(at)).delivered.stream_seq < position:  # type: ignore[union-attr]  # noqa: ASYNC110 (the bus is asked)
            await asyncio.sleep(0.05)


async def until_acknowledged(at: Scene, position: int) -> None:
    async with asyncio.timeout(15):
        while (await durable(at)).ack_floor.stream_seq < position:  # type: ignore[union-attr]  # noqa: ASYNC110 (the bus is asked)
            await asyncio.sleep(0.05)


async def durable(at: Scene) -> ConsumerInfo:
    found: ConsumerInfo = await at.admin.jetstream().consumer_info(streams.EVENTS, trainer_durable("timm"))
    return found
