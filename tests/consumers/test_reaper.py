import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from psycopg_pool import ConnectionPool

from commands.access import Command
from commands.training_job import LoseAttempt
from consumers.acting import Platform
from consumers.attempt import POLLED_ALONE_EVERY
from consumers.reaper import ANSWERS_WITHIN, LOOKS_EVERY, RealEyes, Reaper, Running
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.heard import LATELY, Heard
from infra.leases import LASTS
from tests.ground import ground
from tests.servers import Databases, Servers

JOB = Running(UUID(int=1), 1, "timm")


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

    async def revision(self, attempt: Running) -> int | None:
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


def test_a_worker_that_is_gone_is_given_up_in_time_for_another_to_begin_within_ten_seconds() -> None:
    world = World(renews=True)
    reaper = world.reaper()
    world.watch(reaper, 30)
    world.renews, gone = False, world.now
    while not world.given:
        world.watch(reaper, 1)
    assert world.now - gone + ANSWERS_WITHIN + LOOKS_EVERY < 10


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
    world.watch(reaper, 5)
    assert not world.given, "after a reconnection a whole lease is waited for"
    world.watch(reaper, 3)
    assert len(world.given) == 1


@dataclass
class Crowd(World):
    """Twenty that are gone at once: none is known to be silent before all were asked."""

    asked: int = 0
    all_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def running(self) -> Sequence[Running]:
        return [] if self.given else [Running(UUID(int=n), 1, "timm") for n in range(20)]

    async def answers(self, attempt: Running) -> bool:
        self.asked += 1
        if self.asked == 20:
            self.all_asked.set()
        await asyncio.wait_for(self.all_asked.wait(), 5.0)
        return False


def test_many_that_are_gone_at_once_are_asked_together() -> None:
    world = Crowd()
    world.watch(world.reaper(), 10)
    assert {cast(LoseAttempt, each).job_id for each in world.given} == {UUID(int=n) for n in range(20)}


def test_a_worker_that_only_the_platform_hears_of_asks_several_times_before_it_counts_as_silent() -> None:
    assert 4 * POLLED_ALONE_EVERY < LATELY < LASTS, "and its last words do not outlive its lease"


def test_a_worker_that_the_platform_heard_of_lately_is_alive(
    servers: Servers, fresh_database: Callable[..., Databases]
) -> None:
    async def story(bus: Nats, pool: ConnectionPool) -> None:
        client = await connect(bus.url("consumers"))
        try:
            eyes = RealEyes(pool, client)
            assert not await eyes.answers(JOB)
            Heard(pool).note(JOB.job, 1)
            assert await eyes.answers(JOB)
            assert not await eyes.answers(JOB._replace(attempt=2))
            with pool.connection() as connection:
                connection.execute("UPDATE work.heard SET heard_at = now() - interval '5 seconds'")
            assert not await eyes.answers(JOB)
        finally:
            await client.close()

    with servers.fresh_nats() as bus, ground(fresh_database()) as ready, opened(ready.databases.app_url) as pool:
        asyncio.run(story(bus, pool))


def opened(url: str) -> ConnectionPool:
    return ConnectionPool(url, min_size=1, open=True, kwargs={"autocommit": True})
