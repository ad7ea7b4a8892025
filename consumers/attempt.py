"""One attempt at one training job, from its claim to its end, on the worker's side."""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from nats.js import JetStreamContext
from uuid_utils.compat import uuid7

from consumers.outbox import Outbox, Report
from domain.training import EndReason
from infra import leases, metrics, tracing
from infra.blob_cache import BlobCache, digest
from infra.cancelling import cancel_and_wait
from infra.ends import Ended, Stop, evidence, judge, processes_killed_for_memory
from infra.executors import Execution, Executor, Order
from infra.job_files import BadData, Preparation, Prepared
from infra.spool import Spool
from infra.veil import Veil
from infra.worker_api import AttemptApi, Away, Over, Produced, Turned

PATIENCE: Final = 5.0
POLLED_EVERY: Final = 2.0
POLLED_ALONE_EVERY: Final = 1.0
LAST_LINES: Final = 30
GIVEN_BY_THE_SPOOL: Final = frozenset({"n", "at"})
DRAINED_WITHIN: Final = 3.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """What the service lends to its attempts."""

    framework: str
    worker_id: UUID
    executor: Executor
    cache: BlobCache
    stream: Callable[[], JetStreamContext | None]
    threads: Callable[[], int]
    veil: Veil


class Attempt:
    def __init__(self, claim: Mapping[str, Any], folder: Path, spool: Spool, api: AttemptApi, bench: Bench) -> None:
        self.key = api.key
        self.claim = claim
        self.stop_reason: Stop | None = None
        self._folder = folder
        self._spool = spool
        self._api = api
        self._bench = bench
        self._outbox = Outbox(api, self._heard, self._over, self._refused)
        self._stopping = asyncio.Event()
        self._unseen = asyncio.Event()
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._prepared: Prepared | None = None
        self._result: Mapping[str, Any] | None = None
        self._failed: Mapping[str, Any] | None = None
        self._unwelcome: Turned | None = None

    def stop(self, why: Stop) -> None:
        """The first reason counts, but that an attempt is not ours any more outweighs all."""
        if self.stop_reason is None or why is Stop.STALE:
            self.stop_reason = why
        self._stopping.set()

    async def run(self) -> str:
        """Until the platform knows how it ended; the answer is the last report, or `stale`."""
        self._spool.append("state", {"state": "preparing"})
        helpers = [asyncio.create_task(work()) for work in (self._outbox.run, self._keep_lease, self._poll)]
        try:
            ended = await self._train()
            return await self._tell(ended)
        finally:
            await cancel_and_wait(*helpers)

    async def _train(self) -> Ended:
        try:
            self._prepared = await self._unless_stopped(self._prepare())
            if self._prepared is None:
                return judge(None, self.stop_reason, None, None, False)
            return await self._execute(self._prepared)
        except BadData as error:
            return Ended("fail", EndReason.DATA_ERROR, str(error))
        except Over as error:
            self._over(str(error))
            return Ended(None)
        except Exception as error:
            log.exception("%s broke down in the service itself", self.key)
            return Ended("hand-over", EndReason.INFRASTRUCTURE, f"{type(error).__name__}: {error}")

    async def _prepare(self) -> Prepared:
        preparation = Preparation(self.claim, self._folder, self._bench.cache, self._api)
        prepared = await preparation.prepare(self._bench.threads())
        for note in prepared.notes:
            self._note(note)
        self._bench.cache.trim(prepared.blobs)
        return prepared

    async def _unless_stopped(self, work: Any) -> Any:
        task, stopping = asyncio.ensure_future(work), asyncio.create_task(self._stopping.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if task.done():
            return task.result()
        await cancel_and_wait(task)
        return None

    async def _execute(self, prepared: Prepared) -> Ended:
        killed_before = processes_killed_for_memory()
        order = Order(self._bench.framework, prepared.job_file, self._folder, self._bench.threads())
        with tracing.span("training process") as span:
            code = await self._attend(await self._bench.executor.start(order))
            span.note(exit_code=code)
        return judge(code, self.stop_reason, self._result, self._failed, processes_killed_for_memory() > killed_before)

    async def _attend(self, execution: Execution) -> int:
        """Until it has ended, and everything that it said was heard."""
        self._spool.append("state", {"state": "starting"})
        hearing = [asyncio.create_task(self._hear(execution)), asyncio.create_task(self._overhear(execution))]
        ending = asyncio.create_task(self._end_when_asked(execution))
        try:
            await asyncio.gather(execution.wait(), *hearing)
            return await execution.wait()
        finally:
            ending.cancel()
            if execution.status() is None:  # whoever does not listen any more must not let it speak for ever
                await execution.stop(0.1)

    async def _end_when_asked(self, execution: Execution) -> None:
        await self._stopping.wait()
        await execution.stop(PATIENCE)

    async def _hear(self, execution: Execution) -> None:
        async for line in execution.reports():
            try:
                message = json.loads(line)
                if not isinstance(kind := message.pop("kind"), str) or message.keys() & GIVEN_BY_THE_SPOOL:
                    raise ValueError("of no kind, or with a number or a time of its own")
                await self._understand(kind, message)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                self._note(f"the training said something that nobody understands: {type(error).__name__} {error}")

    async def _overhear(self, execution: Execution) -> None:
        async for line in execution.logs():
            self._note(line)

    async def _understand(self, kind: str, message: dict[str, Any]) -> None:
        match kind:
            case "started":
                self._spool.append("state", {"state": "running", "device": message["device"]})
                await self._outbox.put(Report("start", message | {"resumed_from": self._resumed_from()}))
            case "batch":
                self._spool.append("batch", message)
            case "epoch":
                self._spool.append("epoch", message)
                await self._outbox.put(Report("epochs", message, str(message["epoch"])))
            case "checkpoint":
                await self._keep_checkpoint(message)
            case "result":
                self._result = message
            case "failed":
                self._failed = message
            case _:
                self._spool.append(kind, message)

    async def _keep_checkpoint(self, message: Mapping[str, Any]) -> None:
        """Under a name of its own: the training itself keeps only its newest few."""
        kept = self._folder / f"checkpoint-{message['epoch']}"
        kept.unlink(missing_ok=True)
        try:
            os.link(message["path"], kept)
        except OSError as error:
            return self._note(f"the checkpoint of epoch {message['epoch']} is gone already: {error}")
        file = Produced(kept, message["sha256"], message["size"])
        checkpoint = {name: message[name] for name in ("epoch", "sha256", "size")}
        await self._outbox.put(Report("checkpoints", {"checkpoint": checkpoint}, str(message["epoch"]), files=(file,)))

    async def _tell(self, ended: Ended) -> str:
        """The last report. A service that stops waits for it only so long: its next start hands over what is left."""
        if ended.report is not None:
            await self._outbox.put(await self._last_report(ended))
            limit = DRAINED_WITHIN if self.stop_reason is Stop.HANDED_OVER else None
            await asyncio.wait_for(self._outbox.drain(), limit)
        if self._unwelcome is not None and ended.report == "complete":
            refused = Ended("fail", EndReason.INFRASTRUCTURE, f"the platform refused the result: {self._unwelcome}")
            return await self._tell(refused)
        report = "stale" if self.stop_reason is Stop.STALE else ended.report or "stale"
        self._spool.append("state", {"state": "ended", "report": report, "message": self._bench.veil(ended.message)})
        return report

    async def _last_report(self, ended: Ended) -> Report:
        assert ended.report is not None
        if ended.report == "complete":
            return await asyncio.to_thread(self._completion)
        said = replace(ended, message=self._bench.veil(ended.message))
        return Report(ended.report, {"evidence": evidence(said, tuple(self._lines))})

    def _completion(self) -> Report:
        assert self._result is not None
        result = self._result
        model = Produced.of(result["model"])
        described = {name: value for name, value in result.items() if name not in ("model", "picture")}
        page = self._folder / "result.json"
        page.write_text(json.dumps({"format": 1} | described, ensure_ascii=False, sort_keys=True))
        details = Produced(page, digest(page), page.stat().st_size)
        picture = Produced.of(result["picture"]) if result.get("picture") else None
        body = {
            "best_epoch": result["best_epoch"],
            "metrics": result["metrics"],
            "model": {"id": str(uuid7()), "sha256": model.sha256, "size": model.size},
            "result": details.sha256,
            "picture": picture.sha256 if picture else None,
        }
        return Report("complete", body, files=tuple(file for file in (model, details, picture) if file))

    def _resumed_from(self) -> Mapping[str, Any] | None:
        return self._prepared.resumed_from if self._prepared else None

    def _note(self, line: str) -> None:
        line = self._bench.veil(line)
        self._lines.append(line)
        self._spool.append("log", {"line": line})

    def _heard(self, cancelling: bool) -> None:
        if cancelling:
            self.stop(Stop.CANCELLED)

    def _over(self, why: str) -> None:
        log.info("%s is not ours any more: %s", self.key, why)
        self.stop(Stop.STALE)

    def _refused(self, report: Report, error: Turned) -> None:
        log.error("%s of %s was refused: %s", report.what, self.key, error)
        self._note(f"the platform refused a report ({report.what}): {error}")
        if report.what == "complete":
            self._unwelcome = error

    async def _keep_lease(self) -> None:
        while True:
            if await self._renewed():
                self._unseen.clear()
            else:
                self._unseen.set()
            await asyncio.sleep(leases.RENEWED_EVERY)

    async def _renewed(self) -> bool:
        if (stream := self._bench.stream()) is None:
            return False
        try:
            await leases.renew(stream, self._bench.framework, self.key, self._bench.worker_id)
        except Exception:  # a bus that is away ends no training
            metrics.RENEWALS.labels("missed").inc()
            return False
        metrics.RENEWALS.labels("taken").inc()
        return True

    async def _poll(self) -> None:
        """The second way by which a cancel, or another attempt, is heard of; and the platform hears of us."""
        while True:
            await self._pause()
            try:
                standing = await self._api.standing()
            except (Away, Turned) as error:
                log.info("%s could not be looked up: %s", self.key, error)
                continue
            self._heard(standing.cancelling)
            if not standing.current and self._result is None and self._failed is None:
                self._over("another attempt has begun, or the job is over")

    async def _pause(self) -> None:
        """Short where the bus is away: then nobody sees us but by asking."""
        await asyncio.sleep(POLLED_ALONE_EVERY)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._unseen.wait(), POLLED_EVERY - POLLED_ALONE_EVERY)
