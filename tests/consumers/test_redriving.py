"""What was set aside of telemetry is tried again when somebody asks for it."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

from nats.js.api import StreamConfig

from consumers.loops import Loops
from consumers.mlflow import BATCHES, MlflowBooks
from consumers.reactions import Records
from consumers.telemetry import Owners
from infra.bus import connect
from infra.parked import Due
from infra.streams import TELEMETRY
from tests.consumers.relaying import until
from tests.consumers.test_mlflow_books import Ledger
from tests.consumers.test_reactions import JOB, ORGANIZATION, Memory, Scene, a_job, an_experiment
from tests.servers import Servers


@dataclass
class Aside(Memory):
    """One message of telemetry, which somebody has asked to be tried again."""

    waiting: list[Due] = field(default_factory=lambda: [Due(uuid4(), 1, 1)])

    def due(self, consumer: str) -> list[Due]:
        return self.waiting if consumer == BATCHES else []

    def settle(self, id: UUID) -> None:
        self.waiting = [each for each in self.waiting if each.id != id]


class Figures(Ledger):
    def __init__(self) -> None:
        super().__init__()
        self.logged: list[Any] = []

    async def log(self, run_id: str, metrics: Any = (), params: Any = None, tags: Any = None) -> None:
        self.logged += metrics


def test_figures_of_batches_that_were_set_aside_reach_mlflow_when_they_are_redriven(servers: Servers) -> None:
    books, memory = Figures(), Aside()
    scene = Scene(mlflow=books)
    scene.happened(an_experiment())
    scene.happened(a_job())
    point = {"n": 1, "kind": "batch", "epoch": 1, "batch": 2, "batches": 9, "metrics": {"loss": 0.5}}
    said = json.dumps({"attempt": 1, "points": [point | {"at": "2026-05-04T00:00:00+00:00"}]}).encode()

    async def story(url: str) -> None:
        client = await connect(url)
        await client.jetstream().add_stream(StreamConfig(TELEMETRY, subjects=["vistory.telemetry.>"]))
        await client.jetstream().publish(f"vistory.telemetry.timm.{ORGANIZATION}.{JOB}.1", said)
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
    assert [(each.key, each.value, each.step) for each in books.logged] == [("batch/loss", 0.5, 2)]
    assert memory.aside == []
