"""What was set aside of telemetry is tried again when somebody asks for it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from nats.js.api import StreamConfig
from psycopg_pool import ConnectionPool

from consumers.loops import Loops, digest
from consumers.mlflow import BATCHES, MlflowBooks
from consumers.reactions import Reaction, Reactor, Records
from consumers.telemetry import Owners
from domain.model import Recorded
from infra.bus import connect
from infra.migrate import migrate
from infra.parked import Due, Parked
from infra.provision import APP
from infra.published import ForeignEvent, Published
from infra.streams import TELEMETRY
from tests.consumers.relaying import until
from tests.consumers.test_mlflow_books import Ledger
from tests.consumers.test_reactions import JOB, ORGANIZATION, Memory, Scene, a_job, an_experiment
from tests.servers import Databases, Servers


@dataclass
class Aside(Memory):
    """One message of telemetry, which somebody has asked to be tried again."""

    waiting: list[Due] = field(default_factory=list)

    def due(self, consumer: str) -> list[Due]:
        return self.waiting if consumer == BATCHES else []

    def park(self, *row: Any) -> None:
        super().park(*row)
        self.waiting = []

    def settle(self, id: UUID) -> None:
        self.waiting = [each for each in self.waiting if each.id != id]


class Figures(Ledger):
    def __init__(self) -> None:
        super().__init__()
        self.logged: list[Any] = []

    async def missing(self, run_id: str, curve: Any) -> list[Any]:
        return [each for each in curve if each not in self.logged]

    async def log(self, run_id: str, metrics: Any = (), params: Any = None, tags: Any = None) -> None:
        self.logged += metrics


SUBJECT = f"vistory.telemetry.timm.{ORGANIZATION}.{JOB}.1"


def said(loss: float) -> bytes:
    point = {"n": 1, "kind": "batch", "epoch": 1, "batch": 2, "batches": 9, "metrics": {"loss": loss}}
    return json.dumps({"attempt": 1, "points": [point | {"at": "2026-05-04T00:00:00+00:00"}]}).encode()


def redriven(servers: Servers, aside: Due, on_stream: bytes) -> tuple[Figures, Aside]:
    """What became of it, where the stream has this message."""
    books, memory = Figures(), Aside(waiting=[aside])
    scene = Scene(mlflow=books)
    scene.happened(an_experiment())
    scene.happened(a_job())

    async def story(url: str) -> None:
        client = await connect(url)
        await client.jetstream().add_stream(StreamConfig(TELEMETRY, subjects=["vistory.telemetry.>"]))
        await client.jetstream().publish(SUBJECT, on_stream)
        remembered = cast(Any, memory)
        loops = Loops(client, scene.platform, Records(remembered, remembered, remembered, client.publish))
        redriving = asyncio.create_task(
            loops.redrive_batches(MlflowBooks(scene.platform, books), Owners(scene.platform))
        )

        async def settled() -> bool:
            return not memory.waiting

        await until(settled)
        redriving.cancel()
        await client.close()

    with servers.fresh_nats() as bus:
        asyncio.run(story(bus.url("admin")))
    return books, memory


def test_figures_of_batches_that_were_set_aside_reach_mlflow_when_they_are_redriven(servers: Servers) -> None:
    books, memory = redriven(servers, Due(uuid4(), 1, 1, SUBJECT, digest(said(0.5))), said(0.5))
    assert [(each.key, each.value, each.step) for each in books.logged] == [("batch/loss", 0.5, 2)]
    assert memory.aside == []


def test_what_was_set_aside_is_not_settled_by_another_message_that_has_its_number_now(servers: Servers) -> None:
    """The stream was lost and made anew."""
    books, memory = redriven(servers, Due(uuid4(), 1, 1, SUBJECT, digest(said(0.5))), said(0.25))
    assert books.logged == []
    ((consumer, position, subject, reason, attempts, kept),) = memory.aside
    assert (consumer, position, subject, attempts, kept) == (BATCHES, 1, SUBJECT, 2, digest(said(0.5)))
    assert "another message is number 1" in reason


def test_what_was_set_aside_and_is_on_the_stream_no_more_is_said_to_be_gone(servers: Servers) -> None:
    books, memory = redriven(servers, Due(uuid4(), 7, 1, SUBJECT, digest(said(0.5))), said(0.5))
    assert books.logged == []
    assert [reason for *_, reason, _, _ in memory.aside] == [
        "tried again: GoneFromStream: message 7 is not on the stream any more"
    ]


def test_a_foreign_message_is_not_passed_over_for_its_number_is_that_of_an_event_to_come() -> None:
    scene, nobody = Scene(mlflow=Figures()), cast(Any, None)
    loops, foreign = Loops(nobody, scene.platform, nobody), Published("vistory.events.foreign", {}, b"{}")
    with pytest.raises(ForeignEvent):
        asyncio.run(loops._write_run(nobody, cast(Any, foreign)))


def test_a_reaction_tries_again_what_somebody_asked_for_and_nothing_else(
    fresh_database: Callable[[], Databases],
) -> None:
    databases, scene, tried = fresh_database(), Scene(), []
    migrate(databases.owner_url, APP, uuid4())
    row = scene.happened(an_experiment())[0]

    async def note(recorded: Recorded) -> None:
        tried.append(recorded.position)

    with ConnectionPool(databases.app_url, min_size=1, open=True, kwargs={"autocommit": True}) as pool:
        parked, remembered = Parked(pool), cast(Any, scene.memory)
        reactor = Reactor(scene.platform, Records(remembered, parked, remembered, scene.publish))
        reactions = [Reaction("one", (), note), Reaction("other", (), note)]
        for each in reactions:
            parked.park(each.name, row.position, "vistory.events", "it failed", 1)
        asyncio.run(reactor.redrive(reactions))
        assert (tried, len(parked.listed())) == ([], 2)
        parked.redrive(next(each["id"] for each in parked.listed() if each["consumer"] == "other"))
        asyncio.run(reactor.redrive(reactions))
        assert tried == [row.position]
        assert [each["consumer"] for each in parked.listed()] == ["one"]
