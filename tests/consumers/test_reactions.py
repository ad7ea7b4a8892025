"""Events in, commands and effects out: FastStream in memory, the ledger's double, nothing else."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from faststream.nats import NatsBroker, TestNatsBroker
from nats.aio.msg import Msg
from uuid_utils.compat import uuid7

from commands.access import Command
from commands.experiment import LinkMlflowExperiment
from commands.ports import Accepted
from consumers.acting import Platform
from consumers.cancel import CANCEL, CANCEL_FILTERS, CancelReaction
from consumers.mlflow import CREATE, CREATE_FILTERS, ExperimentReaction, MlflowBooks
from consumers.reactions import Reaction, Reactor, Records, at_work, subscribe
from consumers.telemetry import Owners
from domain.content import Snapshot, Task
from domain.experiment import Experiment
from domain.model import Actor, Aggregate, Envelope, Event
from domain.training import Device, Recipe, Weights
from domain.training_job import TrainingJob
from infra.config import MissingSetting
from infra.leases import Key
from infra.ledger import Append, Head, Row
from infra.mapper import Mapper
from infra.mlflow import Mlflow, MlflowRefused
from infra.published import Published, pack
from infra.shipping import subject
from infra.telemetry import NotTelemetry
from infra.unit import Errand
from tests.doubles import SPLIT, MemoryKeys, MemoryLedger

NOW = datetime(2026, 5, 4, tzinfo=UTC)
LEDGER, ORGANIZATION, PERSON = UUID(int=9), UUID(int=5), UUID(int=1)
EXPERIMENT, JOB = UUID(int=7), UUID(int=8)
Effects = list[tuple[str, bytes]]


class BooksOfMlflow(Mlflow):
    """Our own port to MLflow, for a server that knows nothing yet, or refuses everything."""

    def __init__(self, refuses: bool = False) -> None:
        self.asked: list[str] = []
        self.refuses = refuses
        self.broken: Exception | None = None

    async def experiment(self, name: str, tags: Any) -> str:
        self.asked.append(name)
        if self.broken is not None:
            raise self.broken
        if self.refuses:
            raise MlflowRefused("INVALID_PARAMETER_VALUE", "no")
        return "42"


@dataclass
class Memory:
    """What PostgreSQL remembers of consumers, for the length of a test."""

    handled: set[tuple[str, int]] = field(default_factory=set)
    aside: list[tuple[Any, ...]] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    away: int = 0

    def has(self, consumer: str, position: int) -> bool:
        return (consumer, position) in self.handled

    def add(self, consumer: str, position: int) -> None:
        if self.away:
            self.away -= 1
            raise psycopg.OperationalError("the server closed the connection")
        self.handled.add((consumer, position))

    def park(self, *row: Any) -> None:
        self.aside.append(row)

    def stop(self, consumer: str, stream: str, reason: str) -> None:
        self.stopped[consumer] = reason

    def go_on(self, consumer: str) -> None:
        self.stopped.pop(consumer, None)


@dataclass
class Scene:
    mlflow: BooksOfMlflow = field(default_factory=BooksOfMlflow)
    memory: Memory = field(default_factory=Memory)
    sent: list[Command] = field(default_factory=list)
    said: Effects = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(LEDGER)
        self.mapper = Mapper(LEDGER, MemoryKeys())
        self.platform = Platform(self.ledger, self.mapper, self.dispatch)

    def dispatch(self, command: Command, errand: Errand) -> Accepted:
        self.sent.append(command)
        return Accepted(id=EXPERIMENT, ledger=LEDGER, position=1, chain="")

    async def publish(self, subject: str, data: bytes) -> None:
        self.said.append((subject, data))

    def happened(self, aggregate: Aggregate) -> list[Row]:
        before = len(self.ledger.rows)
        stored = [self.mapper.encode(event, envelope(event)) for event in aggregate.collect_events()]  # type: ignore[arg-type]
        self.ledger.append([Append(uuid7(), b"", {"id": str(aggregate.id)}, stored)])
        return self.ledger.rows[before:]

    def broker(self) -> NatsBroker:
        broker = NatsBroker()
        create = ExperimentReaction(MlflowBooks(self.platform, self.mlflow))
        reactions = (
            Reaction(CREATE, CREATE_FILTERS, create.create_mlflow_experiment_on_experiment_created),
            Reaction(
                CANCEL,
                CANCEL_FILTERS,
                CancelReaction(self.platform, self.publish).cancel_on_training_cancel_requested,
            ),
        )
        memory = cast(Any, self.memory)
        subscribe(broker, Reactor(self.platform, Records(memory, memory, memory, self.publish)), reactions)
        return broker

    def deliver(self, *rows: Row) -> None:
        self.publish_all(*(pack(row, self.ledger.head()) for row in rows))

    def publish_all(self, *messages: Published) -> None:
        async def story() -> None:
            broker = self.broker()
            async with TestNatsBroker(broker):
                for message in messages:
                    await broker.publish(message.data, message.subject, headers=message.headers, stream="EVENTS")

        asyncio.run(story())


def envelope(event: Event) -> Envelope:
    return Envelope(
        schema_version=1,
        event=uuid7(),
        ledger=LEDGER,
        organization=ORGANIZATION,
        actor=Actor(kind="person", id=PERSON, role="admin", organization_id=ORGANIZATION),
        command=uuid7(),
        correlation=uuid7(),
        decided_at=NOW,
    )


def an_experiment() -> Experiment:
    return Experiment.create(EXPERIMENT, ORGANIZATION, PERSON, UUID(int=2), "digits", "", (), NOW)


def a_job() -> TrainingJob:
    recipe = Recipe(
        framework="timm",
        task=Task.CLASSIFICATION,
        model="tiny",
        parameters={"epochs": 3},
        weights=Weights(),
        device=Device.AUTO,
        gpus=0,
        code_version="1",
    )
    snapshot = Snapshot(id=UUID(int=3), tag="t", root="a" * 64, images=3, split=SPLIT)
    return TrainingJob.request(JOB, ORGANIZATION, PERSON, UUID(int=2), EXPERIMENT, UUID(int=4), snapshot, recipe, NOW)


def test_a_new_experiment_is_made_in_mlflow_and_linked() -> None:
    scene = Scene()
    scene.deliver(*scene.happened(an_experiment()))
    assert scene.mlflow.asked == [f"digits ({EXPERIMENT})"]
    assert scene.sent == [LinkMlflowExperiment(experiment_id=EXPERIMENT, mlflow_experiment_id="42")]


def test_an_event_that_comes_again_does_nothing() -> None:
    scene = Scene()
    (row,) = scene.happened(an_experiment())
    scene.deliver(row, row)
    assert len(scene.mlflow.asked) == len(scene.sent) == 1


def test_an_effect_is_noted_however_often_the_database_is_away_and_had_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.reactions.NOTED_AGAIN_AFTER", 0.0)
    scene = Scene()
    scene.memory.away = 3
    (row,) = scene.happened(an_experiment())
    scene.deliver(row, row)
    assert len(scene.mlflow.asked) == len(scene.sent) == 1
    assert scene.memory.handled == {(CREATE, row.position)}


def test_work_that_takes_long_says_that_it_goes_on_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.reactions.AT_WORK", 0.0)
    said, often = list[str](), asyncio.Event()

    class Waiting:
        async def in_progress(self) -> None:
            said.append("at work")
            if len(said) == 3:
                often.set()

    async def story() -> None:
        async with at_work(cast(Any, Waiting())):
            await often.wait()
        heard = len(said)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(said) == heard

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_wish_to_cancel_reaches_the_worker_of_the_attempt() -> None:
    scene = Scene()
    job = a_job()
    job.claim(1, UUID(int=77), "a worker", NOW)
    job.cancel(NOW)
    *_, cancel = scene.happened(job)
    scene.deliver(cancel)
    assert scene.said == [(f"vistory.control.timm.{JOB}.1", b'{"cancel": true}')]


def test_what_mlflow_refuses_is_set_aside_with_its_reason_and_seen_on_the_bus() -> None:
    scene = Scene(mlflow=BooksOfMlflow(refuses=True))
    (row,) = scene.happened(an_experiment())
    scene.deliver(row)
    ((consumer, position, subject, reason, attempts, _),) = scene.memory.aside
    assert (consumer, position, attempts) == (CREATE, row.position, 1)
    assert subject == f"vistory.events.{ORGANIZATION}.experiment.{EXPERIMENT}.created"
    assert "INVALID_PARAMETER_VALUE" in reason
    assert [said for said, _ in scene.said] == [f"vistory.parked.{CREATE}.{row.position}"]


def test_what_is_no_event_at_all_is_set_aside() -> None:
    scene = Scene()
    subject = f"vistory.events.{ORGANIZATION}.experiment.{EXPERIMENT}.created"
    scene.publish_all(Published(subject, {}, b"{}"))
    ((consumer, _, found, reason, *_),) = scene.memory.aside
    assert (consumer, found) == (CREATE, subject)
    assert reason.startswith("NotAnEvent")


def test_a_reaction_that_works_again_has_nothing_that_stops_it() -> None:
    scene = Scene()
    scene.mlflow.broken = MissingSetting("mlflow_url")
    rows = scene.happened(an_experiment())
    scene.deliver(*rows)
    assert "mlflow_url" in scene.memory.stopped[f"react:{CREATE}"]
    scene.mlflow.broken = None
    scene.deliver(*rows)
    assert scene.memory.stopped == {}
    assert len(scene.sent) == 1


def test_an_event_of_another_ledger_or_generation_stops_a_reaction_before_it_acts() -> None:
    for foreign in (Head(UUID(int=99), 1, 1, b""), Head(LEDGER, 99, 1, b"")):
        scene = Scene()
        (row,) = scene.happened(an_experiment())
        scene.publish_all(pack(row, foreign))
        assert "ForeignEvent" in scene.memory.stopped[f"react:{CREATE}"]
        assert scene.mlflow.asked == []


@pytest.mark.parametrize(
    ("framework", "house", "is_ours"),
    [("timm", ORGANIZATION, True), ("ultralytics", ORGANIZATION, False), ("timm", PERSON, False)],
)
def test_telemetry_is_taken_only_where_framework_and_organization_are_those_of_the_job(
    framework: str, house: UUID, is_ours: bool
) -> None:
    scene = Scene()
    scene.happened(a_job())
    said = Msg(cast(Any, None), subject(framework, house, JOB, 1), data=b'{"points": [{"n": 1, "kind": "log"}]}')
    understanding = Owners(scene.platform).understood(said)
    if is_ours:
        assert asyncio.run(understanding) == (ORGANIZATION, Key(JOB, 1), [{"n": 1, "kind": "log"}])
    else:
        with pytest.raises(NotTelemetry, match="another framework or organization"):
            asyncio.run(understanding)
