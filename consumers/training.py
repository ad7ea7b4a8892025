"""The service of a framework: takes jobs from its durable, one per free slot, and sees each to its end."""

import asyncio
import json
import logging
import signal
from collections.abc import Coroutine
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from prometheus_client import CollectorRegistry, Counter, Gauge
from uuid_utils.compat import uuid7

from consumers import training_http
from consumers.attempt import Attempt, Bench
from consumers.claiming import claiming, key_of, organization_of, put_back, settle
from consumers.custody import Custody
from consumers.waiting import Waiting
from infra import leases, logs, metrics, outside, tracing
from infra.attempt_folder import AttemptFolder, Claimed
from infra.blob_cache import BlobCache
from infra.bus import connect, jetstream
from infra.config import Settings
from infra.cores import Seat
from infra.ends import Stop
from infra.executors import Executor, SubprocessExecutor, models_of
from infra.leases import Key
from infra.nats_users import trainer_durable
from infra.redaction import in_short
from infra.shipping import Shipment
from infra.sole import sole
from infra.streams import EVENTS
from infra.veil import Veil
from infra.worker_api import AttemptApi, Away, Turned, WorkerApi, patiently

SLOTS: Final = 1
STOPPED_WITHIN: Final = 4.5
CORES_ASKED_FOR_EVERY: Final = 2.0
log = logging.getLogger(__name__)


class Service:
    def __init__(self, settings: Settings, framework: str, executor: Executor | None = None) -> None:
        self.framework = framework
        self.worker_id = uuid7()
        self.running: dict[Key, Attempt] = {}
        self.models: Any = []
        self._gpus = asyncio.Future[int]()
        self._settings = settings
        self._home = Path(settings.need("data")) / f"trainer-{framework}"
        self._home.mkdir(parents=True, mode=0o700, exist_ok=True)
        credential = settings.need("worker_credential")
        self._api = WorkerApi(settings.need("api_url"), credential)
        self._blobs = httpx.AsyncClient(timeout=30.0)
        self._seat = Seat(Path(settings.need("data")) / "run" / "trainers", framework)
        self._waiting = Waiting()
        self._client: Client | None = None
        self._stopping, self._free, self._idle = asyncio.Event(), asyncio.Semaphore(SLOTS), asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._address = ""
        self.registry = CollectorRegistry()
        self._ended = self._counter_of_ends()
        self._custody = Custody(framework, self._home, self._api, self.stream)
        self._bench = Bench(
            framework=framework,
            worker_id=self.worker_id,
            executor=executor or SubprocessExecutor(settings.environments.absolute()),
            cache=BlobCache(self._home / "blobs", self._blobs),
            stream=self.stream,
            threads=lambda: settings.threads or self._seat.threads,
            veil=Veil(Path(settings.need("data")), [credential]),
        )

    def _counter_of_ends(self) -> Counter:
        running = Gauge("vistory_attempts_running", "Trainings that run now.", registry=self.registry)
        running.set_function(lambda: len(self.running))
        return Counter("vistory_attempts_ended", "Attempts by how they ended.", ["report"], registry=self.registry)

    def stream(self) -> JetStreamContext | None:
        return jetstream(self._client) if self._client is not None and self._client.is_connected else None

    def health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "framework": self.framework,
            "worker_id": str(self.worker_id),
            "bus": self.stream() is not None,
            "slots": SLOTS,
            "room": self._custody.has_room(),
            "running": [{"job": str(key.job), "attempt": key.attempt} for key in self.running],
        }

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`; then hands over what runs, within a few seconds. Raises Occupied."""
        with ExitStack() as stack:
            stack.callback(self._seat.leave)
            stack.enter_context(sole(self._home))  # or the work of another service would be given back as left behind
            listener = stack.enter_context(training_http.listening(self.framework, self._settings.trainer_port))
            self._address = "http://{}:{}".format(*listener.getsockname())
            face = training_http.application(self.health, lambda: self.models, self.registry)
            for work in (training_http.serve(face, listener), self._register(), self._custody.recover(), self._work()):
                self._begin(work)
            logs.say_ready()
            await self._stopping.wait()
            await self._finish()

    async def _finish(self) -> None:
        for attempt in self.running.values():
            attempt.stop(Stop.HANDED_OVER)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOPPED_WITHIN):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=1.0)
        if self._client is not None:
            await self._client.close()
        await self._api.close()
        await self._blobs.aclose()

    def _begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the service broke down", exc_info=error)

    async def _register(self) -> None:
        """Say what can be trained; the platform may come up later than we."""
        said = json.loads(await models_of(self._settings.environments.absolute(), self.framework, self._home))
        self.models, gpus = said["models"], said["gpus"]
        self._gpus.set_result(gpus)
        while True:
            try:
                return await patiently(lambda: self._api.register(self.framework, self.models, gpus))
            except Turned as error:
                log.error("the platform refused our list of models: %s", error)
            await asyncio.sleep(10)

    async def _work(self) -> None:
        self._client = await connect(self._settings.need("nats_url"))
        await self._client.subscribe(f"vistory.control.{self.framework}.>", cb=self._controlled)
        while not self._stopping.is_set():
            try:
                await self._take_jobs(jetstream(self._client))
            except Exception as error:
                log.warning("the queue of %s cannot be read: %s", self.framework, in_short(error))
                await asyncio.sleep(1)

    async def _take_jobs(self, stream: JetStreamContext) -> None:
        queue = await stream.pull_subscribe_bind(trainer_durable(self.framework), stream=EVENTS)
        try:
            while not self._stopping.is_set():
                await self._free.acquire()
                taken = False
                try:
                    taken = await self._take_one(queue)
                finally:
                    if not taken:
                        self._free.release()
        finally:
            await queue.unsubscribe()

    async def _take_one(self, queue: JetStreamContext.PullSubscription) -> bool:
        """Whether a slot is in use now. Raises whatever keeps the queue from being read."""
        if not self._may_take():  # what is fetched on a full machine comes late to one that has a core free
            await asyncio.sleep(CORES_ASKED_FOR_EVERY)
            return False
        try:
            (message,) = await queue.fetch(1, timeout=1.0)
        except (TimeoutError, NatsTimeout):
            return False
        if self._stopping.is_set():
            await message.nak()
            return False
        if not (self._settings.threads or self._seat.take()):
            await message.nak(delay=CORES_ASKED_FOR_EVERY)  # the core was taken while we waited for a job
            return False
        claimed = False
        try:
            with claiming(message, key := key_of(message)):
                claimed = await self._claim(message, key)
        finally:
            if not claimed:
                self._seat.give_back()
        return claimed

    def _may_take(self) -> bool:
        """A core is free, and there is room on the disk; neither is kept from others by one who has no job yet."""
        free = bool(self._settings.threads) or self._seat.take()
        self._seat.give_back()
        return free and self._custody.has_room()

    async def _claim(self, message: Msg, key: Key) -> bool:
        """Ours from the answer on; only then is the message acknowledged. One that comes again begins nothing."""
        if key in self.running:
            await message.ack()
            return False
        if self._waiting.has_its_share(organization_of(message)):
            await put_back(message, self._waiting)
            return False
        try:
            claim = await self._claimed(key)
        except (Away, Turned) as error:
            await settle(message, key, error, self._waiting)
            return False
        self._begin(self._see_through(key, claim))
        with suppress(NatsError):  # if it comes again, the claim says that it is taken
            await message.ack()
        return True

    async def _see_through(self, key: Key, claim: dict[str, Any]) -> None:
        folder = AttemptFolder.of(self._home, key)
        try:
            await self._train(folder, claim)
        except Exception:  # a full disk, for one
            log.exception("%s broke down in the service itself", key)
            await self._custody.make_good(folder)

    async def _train(self, folder: AttemptFolder, claim: dict[str, Any]) -> None:
        """The slot is free again when the training has ended; its last points may take longer."""
        with ExitStack() as slot:
            slot.callback(self._free.release)
            slot.callback(self._seat.give_back)
            key = folder.key
            claimed = Claimed(claim["token"], str(claim["job"]["organization_id"]))
            folder.begin(claimed)
            api = AttemptApi(self._api, key, claimed.token, lambda: self._claimed(key))
            with closing(folder.spool()) as spool:
                shipment = Shipment(spool, self.framework, key, claimed.organization_id, self.stream)
                await self._run(Attempt(claim, folder.work, spool, api, self._bench), shipment)
                folder.end()
                slot.close()
                await self._let_go(key)
                await self._custody.ship_the_rest(folder, shipment, api)

    async def _run(self, attempt: Attempt, shipment: Shipment) -> None:
        self.running[attempt.key] = attempt
        self._idle.clear()
        shipping = self._begin(shipment.run())
        try:
            with tracing.span("training", attempt=attempt.key, framework=self.framework) as span:
                log.info("the training begins")
                span.note(report=(report := await attempt.run()))
                log.info("the training has ended: %s", report)
            self._ended.labels(report).inc()
        finally:
            shipping.cancel()
            del self.running[attempt.key]
            if not self.running:
                self._idle.set()

    async def _claimed(self, key: Key) -> dict[str, Any]:
        address = f"{self.framework} at {self._address}"
        return await self._api.claim(key, self.worker_id, address, await self._gpus)

    async def _let_go(self, key: Key) -> None:
        if (stream := self.stream()) is not None:
            with suppress(Exception):  # it lapses by itself
                await leases.give_up(stream, self.framework, key)

    async def _controlled(self, message: Msg) -> None:
        """`{"cancel": true}` ends a training; `{"alive": true}` asks whether it runs here."""
        *_, job, number = message.subject.split(".")
        attempt = self.running.get(Key(UUID(job), int(number)))
        wanted = json.loads(message.data)
        if wanted.get("cancel") and attempt is not None:
            attempt.stop(Stop.CANCELLED)
        if wanted.get("alive") and message.reply and attempt is not None:
            await message.respond(json.dumps({"worker": str(self.worker_id)}).encode())


def main(settings: Settings, framework: str) -> None:
    """Until SIGTERM."""
    outside.begin(f"trainer-{framework}", settings)
    asyncio.run(_main(settings, framework))


async def _main(settings: Settings, framework: str) -> None:
    service = Service(settings, framework)
    metrics.introduce(f"trainer-{framework}")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, service.stop)
    await service.run()
