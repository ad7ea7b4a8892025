import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from commands.access import Command
from commands.training_job import LoseAttempt
from consumers.acting import Platform
from consumers.reaper import Reaper, Running, works_on
from infra.leases import Key

JOB = Running(UUID(int=1), 1, "timm", "timm at http://127.0.0.1:1")


@dataclass
class World:
    """What the reaper sees, at a time that the test tells."""

    now: float = 0.0
    renewals: int = 0
    renews: bool = False
    in_sight: bool = True
    answering: bool = False
    given: list[Command] = field(default_factory=list)

    async def running(self) -> Sequence[Running]:
        return [] if self.given else [JOB]

    async def revision(self, key: Key) -> int | None:
        if not self.in_sight:
            raise ConnectionError
        self.renewals += self.renews
        return self.renewals

    async def answers(self, attempt: Running) -> bool:
        return self.answering

    async def act(self, command: Command, about: UUID, name: str) -> None:
        self.given.append(command)

    def reaper(self) -> Reaper:
        return Reaper(cast(Platform, cast(Any, self)), self, clock=lambda: self.now)

    def watch(self, reaper: Reaper, seconds: int) -> None:
        async def story() -> None:
            for _ in range(seconds):
                await reaper.look()
                self.now += 1.0

        asyncio.run(story())


def test_an_attempt_whose_worker_is_silent_on_every_way_is_given_up_once() -> None:
    world = World()
    world.watch(world.reaper(), 30)
    (lost,) = world.given
    assert isinstance(lost, LoseAttempt)
    assert (lost.job_id, lost.attempt, lost.evidence.reason) == (JOB.job, 1, "worker_lost")


def test_a_worker_that_renews_keeps_its_attempt() -> None:
    world = World(renews=True)
    world.watch(world.reaper(), 60)
    assert not world.given


def test_a_worker_that_answers_on_another_way_keeps_its_attempt() -> None:
    world = World(answering=True)
    world.watch(world.reaper(), 60)
    assert not world.given


def test_an_outage_of_the_bus_kills_no_healthy_job() -> None:
    world = World(in_sight=False)
    reaper = world.reaper()
    world.watch(reaper, 300)
    world.in_sight = True
    world.watch(reaper, 10)
    assert not world.given, "after a reconnection a whole lease is waited for"
    world.watch(reaper, 3)
    assert len(world.given) == 1


def test_a_service_is_believed_about_the_attempts_that_it_names() -> None:
    health = {"running": [{"job": str(JOB.job), "attempt": 1}]}
    assert works_on(health, JOB)
    assert not works_on(health, JOB._replace(attempt=2))
