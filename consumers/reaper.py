"""Finds attempts whose worker is gone, and gives them away; a worker that is only out of sight keeps its own."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar
from uuid import UUID

import nats.errors
from nats.aio.client import Client
from psycopg_pool import ConnectionPool

from commands.training_job import LoseAttempt
from consumers.acting import Platform
from consumers.cancel import control
from domain.errors import Refused
from domain.training import EndReason, Evidence
from infra import logs, metrics
from infra.bus import jetstream
from infra.heard import Heard
from infra.leases import Key, Patience, revision
from infra.redaction import in_short

LOOKS_EVERY: Final = 1.0
ANSWERS_WITHIN: Final = 2.0
ASKED_AT_ONCE: Final = 100
RUNNING: Final = """
    SELECT j.id, j.attempt, j.recipe ->> 'framework' FROM read.training_jobs j
    WHERE j.status IN ('claimed', 'running')
"""
log = logging.getLogger(__name__)
T = TypeVar("T")


class Running(NamedTuple):
    job: UUID
    attempt: int
    framework: str

    @property
    def key(self) -> Key:
        return Key(self.job, self.attempt)


class Eyes(Protocol):
    """What the reaper sees of the world."""

    async def running(self) -> Sequence[Running]: ...

    async def revision(self, attempt: Running) -> int | None:
        """The last renewal. Raises where it could not be seen."""
        ...

    async def answers(self, attempt: Running) -> bool:
        """Whether the worker says, on another way, that it works on this attempt."""
        ...


@dataclass
class Reaper:
    platform: Platform
    eyes: Eyes
    clock: Callable[[], float] = time.monotonic
    patience: Patience = field(default_factory=Patience)

    async def look(self) -> None:
        """Once. What could not be seen is not counted."""
        try:
            running = {attempt.key: attempt for attempt in await self.eyes.running()}
            metrics.LEASES.set(len(running))
            revisions = await _of_each(list(running.values()), self.eyes.revision)
        except Exception as error:
            log.info("the reaper sees nothing: %s", in_short(error))
            self.patience.blind()
            return
        silent = [running[key] for key in self.patience.look(self.clock(), revisions)]
        for key, answers in (await _of_each(silent, self.eyes.answers)).items():
            if answers:
                self.patience.forgive(key)
            else:
                with logs.about(job=key.job, attempt=key.attempt):
                    await self._lose(key)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the reaper stumbled, and goes on")
            await asyncio.sleep(LOOKS_EVERY)

    async def _lose(self, key: Key) -> None:
        evidence = Evidence(
            reason=EndReason.WORKER_LOST,
            message="the worker did not renew its lease and does not answer",
            exit_code=None,
            last_lines=(),
        )
        with suppress(Refused):  # it ended, or another attempt began, while we looked
            lose = LoseAttempt(job_id=key.job, attempt=key.attempt, evidence=evidence)
            await self.platform.act(lose, key.job, f"reaper-{key.attempt}")
            log.warning("attempt %s is given up: its worker is silent on every way", key)
            metrics.LOST.inc()


async def _of_each(attempts: Sequence[Running], ask: Callable[[Running], Awaitable[T]]) -> dict[Key, T]:
    """Together, for each that is silent takes its time: all of a machine that is gone are given away in time."""
    free = asyncio.Semaphore(ASKED_AT_ONCE)

    async def one(attempt: Running) -> T:
        async with free:
            return await ask(attempt)

    answers = await asyncio.gather(*map(one, attempts))
    return {attempt.key: answer for attempt, answer in zip(attempts, answers, strict=True)}


@dataclass(frozen=True)
class RealEyes:
    pool: ConnectionPool
    client: Client

    async def running(self) -> Sequence[Running]:
        def read() -> list[Running]:
            with self.pool.connection() as connection:
                return [Running(*row) for row in connection.execute(RUNNING).fetchall()]

        return await asyncio.to_thread(read)

    async def revision(self, attempt: Running) -> int | None:
        if not self.client.is_connected:
            raise nats.errors.ConnectionClosedError
        return await revision(jetstream(self.client), attempt.framework, attempt.key)

    async def answers(self, attempt: Running) -> bool:
        """It speaks on the bus; or it asked the platform a moment ago how the attempt stands."""
        return await self._answers_bus(attempt) or await asyncio.to_thread(Heard(self.pool).lately, attempt.key)

    async def _answers_bus(self, attempt: Running) -> bool:
        with suppress(nats.errors.Error, TimeoutError):
            subject = control(attempt.framework, attempt.key)
            await self.client.request(subject, json.dumps({"alive": True}).encode(), timeout=ANSWERS_WITHIN)
            return True
        return False
