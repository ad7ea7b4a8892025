"""What is done to the bus, the store and the disks themselves, and how their operator mends it, as the guide says."""

import asyncio
import math
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil
import psycopg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from cli import migrate, parked, stream
from consumers.cancel import CANCEL
from consumers.mlflow import CREATE
from infra import bus, durables, streams
from infra.embedded import FRAMEWORKS
from infra.nats_users import trainer_durable
from tests.faults.house import OURS, TRAINING, House
from tests.faults.inflicting import Blow, Fault, suspended
from tests.whole import ended, head, waited

REBUILD: Final = "vistory stream rebuild"
DISKS: Final = frozenset({"disks"})
CLOCKS: Final = frozenset({"clocks"})
CLUSTER: Final = frozenset({"cluster"})
WRONG_BY: Final = 500.0
TIMES: Final = {"back": "-600", "forward": "+600"}
PARTS_WITH_DISKS: Final = ("postgres", "nats", "objects", "mail", "data")
MIB: Final = 1024 * 1024


def on_the_bus(house: House, what: Callable[[JetStreamContext], Awaitable[Any]]) -> None:
    async def story() -> None:
        client = await bus.connect(house.owner.need("nats_url"))
        try:
            await what(client.jetstream())
        finally:
            await client.close()

    asyncio.run(story())


def rebuild_when_told(blow: Blow) -> None:
    """The relay says what is wrong and what to do; its operator does it."""
    waited(lambda: REBUILD in (blow.house.positions()["relay"][1] or ""), 60, "the relay says what to do")
    blow.last(5)
    stream.rebuilt(blow.house.owner)


def delete_stream(blow: Blow) -> None:
    on_the_bus(blow.house, lambda js: js.delete_stream(streams.EVENTS))
    rebuild_when_told(blow)


def replace_stream(blow: Blow) -> None:
    """By that of another store."""
    other = migrate.head_of(blow.house.owner)._replace(ledger=uuid4())

    async def replaced(js: JetStreamContext) -> None:
        await js.delete_stream(streams.EVENTS)
        await js.add_stream(streams.events(other))

    on_the_bus(blow.house, replaced)
    rebuild_when_told(blow)


def foreign_message(blow: Blow) -> None:
    on_the_bus(blow.house, lambda js: js.publish("vistory.events.foreign.is.this.one", b"{}"))
    rebuild_when_told(blow)


def hole(blow: Blow) -> None:
    """Whoever reads from before it has the store to turn to."""
    house = blow.house

    async def deletable(js: JetStreamContext) -> None:
        await js.delete_stream(streams.EVENTS)
        await js.add_stream(streams.events(migrate.head_of(house.owner)).evolve(deny_delete=False))
        for durable in durables.for_trainers(house.ledger_url, FRAMEWORKS):
            await streams.declare_durable(js, durable)

    async def delete_some(js: JetStreamContext) -> None:
        last = (await js.stream_info(streams.EVENTS)).state.last_seq
        for sequence in blow.chance.sample(range(last - 30, last - 1), 5):
            await js.delete_msg(streams.EVENTS, sequence)

    on_the_bus(house, deletable)
    waited(lambda: house.positions()["relay"][0] >= head(house.direct), 60, "the stream is full again")
    with suspended(waited(lambda: house.pid("projector"), 30, "projector")):
        before = head(house.direct)
        waited(lambda: head(house.direct) > before + 40, 60, "some more events")
        on_the_bus(house, delete_some)
    blow.last(10)
    stream.rebuilt(house.owner)


def cut_tail(by: int, blow: Blow) -> None:
    """As after a power cut: the messages are those of a while ago, the consumers stand where they stood."""
    house = blow.house
    (messages,) = (house.servers.folder / "nats").rglob(f"{streams.EVENTS}/msgs")
    kept = house.servers.folder.path / "kept"
    with suspended(waited(lambda: house.pid("nats"), 30, "NATS")):
        shutil.copytree(messages, kept)
    before, many = head(house.direct), math.ceil(by * blow.share)
    waited(lambda: house.positions()["relay"][0] >= before + many, 90, f"{many} more events on the stream")
    swap(house, "nats", kept, messages)


def swap(house: House, part: str, kept: Path, there: Path) -> None:
    """What was kept, instead of what is there; whoever works on it is stopped, and begins again on the other."""
    pid = waited(lambda: house.pid(part), 30, part)
    family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    house.killed[part] += 1
    with suspended(*family):
        shutil.rmtree(there)
        kept.rename(there)
        for each in reversed(family):
            with suppress(psutil.NoSuchProcess):
                psutil.Process(each).send_signal(signal.SIGKILL)


def delete_durables(blow: Blow) -> None:
    """An attempt after that waits until what is told is done, and none of the past comes again."""

    async def deleted(js: JetStreamContext) -> None:
        for name in (*map(trainer_durable, FRAMEWORKS), CREATE, CANCEL):
            with suppress(NotFoundError):
                await js.delete_consumer(streams.EVENTS, name)

    on_the_bus(blow.house, deleted)
    blow.last(3)
    waited(lambda: blow.house.pid(TRAINING), 60, TRAINING)
    blow.house.kill(TRAINING)
    waited(lambda: REBUILD in (blow.house.positions()["train:timm"][1] or ""), 60, "what to do is told")
    stream.rebuilt(blow.house.owner)


def restore_store(blow: Blow) -> None:
    """From an older backup, and everything is started again: what came after it is gone, and nobody acts on it."""
    house, kept = blow.house, blow.house.servers.folder.path / "backup"
    there = house.servers.folder / "postgres"
    server = psutil.Process(waited(lambda: house.pid("postgres"), 30, "PostgreSQL"))
    with suspended(server.pid, *(child.pid for child in server.children())):
        shutil.copytree(there, kept, copy_function=shutil.copy2)
        own(there, kept)
    blow.last(8)
    blow.users.pause()
    # Whoever starts while PostgreSQL is away ends, and starts again: as its operator would, they come after it.
    with suspended(*(waited(lambda part=part: house.pid(part), 60, part) for part in OURS)):  # type: ignore[misc]
        swap(house, "postgres", kept, there)
        blow.users.forget(waited(lambda: head(house.direct), 60, "the ledger as it was"))
        for part in OURS:
            house.kill(part)
    for part in OURS:
        waited(lambda part=part: house.pid(part), 60, part)  # type: ignore[misc]
    blow.users.go_on()
    blow.last(10)
    stream.rebuilt(house.owner, new_generation=True)


def own(like: Path, copy: Path) -> None:
    """`copytree` keeps modes and times, not owners."""
    for path in (like, *like.rglob("*")):
        status = path.lstat()
        with suppress(FileNotFoundError):  # it came meanwhile
            shutil.chown(copy / path.relative_to(like), status.st_uid, status.st_gid)


def refuse_mlflow(blow: Blow) -> None:
    """It says no to everything; what was set aside is sent on its way again once that is mended."""
    house = blow.house
    with house.roads["mlflow"].refusing():
        blow.last(10)
    waited(lambda: rows(house), 30, "something is parked")
    blow.last(5)
    for row in rows(house):
        parked.asked_again(house.direct, row["id"])
    waited(lambda: not rows(house), 60, "nothing is parked any more")


def away_for_a_training(blow: Blow) -> None:
    """MLflow, from before one is asked for until it has ended."""
    house = blow.house
    with house.roads["mlflow"].cut():
        job = blow.users.train()
        waited(lambda: ended(house.direct, job), 180, "the end of a training")


def rows(house: House) -> list[dict[str, Any]]:
    return parked.read(house.direct)


def fill(part: str, blow: Blow) -> None:
    house = blow.house
    place = house.data if part == "data" else house.servers.folder / part
    with filled(place / "ballast"):
        blow.last(20)


def set_clock(by: str, blow: Blow) -> None:
    blow.users.expect_ahead(float(by))
    blow.house.clock.write_text(by)
    waited(lambda: abs(seconds_off(blow.house)) > WRONG_BY, 20, "the clock of PostgreSQL is another")
    blow.last(20)
    blow.house.clock.write_text("+0")


def kill_leaders(blow: Blow) -> None:
    """Of the stream of events, in turn: whoever leads then."""
    house, leaders = blow.house, list[str]()

    async def find(js: JetStreamContext) -> None:
        cluster = (await js.stream_info(streams.EVENTS)).cluster
        assert cluster, "the bus has several servers"
        assert cluster.leader, "somebody leads"
        assert len(cluster.replicas or ()) == 2, "each of the three keeps the stream"
        leaders.append(cluster.leader)

    for _ in range(3):
        on_the_bus(house, find)
        house.kill(leaders[-1])
        blow.last(3)
        waited(house.is_whole, 60, "the one that led is back")
        blow.last(5)


def seconds_off(house: House) -> float:
    with psycopg.connect(house.ledger_url) as connection:
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    assert row
    return float(row[0]) - time.time()


@contextmanager
def filled(ballast: Path) -> Iterator[None]:
    """Until not a byte more fits."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * MIB)
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)
    try:
        yield
    finally:
        ballast.unlink()


def table() -> dict[str, Fault]:
    lost = ("worker_lost", "infrastructure")
    faults = [
        Fault("stream deleted", delete_stream, ends=("relay",)),
        Fault("stream of another store", replace_stream, ends=("relay",)),
        Fault("stream with a foreign message", foreign_message, ends=("relay",)),
        Fault("stream with a hole", hole, ends=("relay",)),
        Fault("stream without its last message", partial(cut_tail, 1)),
        Fault("stream without its last 1000", partial(cut_tail, 1_000)),
        Fault("durables deleted", delete_durables, lost, needs_an_epoch=True),
        Fault("store restored from a backup", restore_store, lost, ends=("relay",), rewinds=True),
        Fault("MLflow refuses everything", refuse_mlflow),
        Fault("MLflow away for a training", away_for_a_training, needs_an_epoch=True),
        *(
            Fault(f"full disk under {part}", partial(fill, part), lost, ends=(part,), needs=DISKS)
            for part in PARTS_WITH_DISKS
        ),
        Fault("leaders of the bus killed", kill_leaders, needs=CLUSTER),
        *(
            Fault(f"clock set {way}", partial(set_clock, by), needs=CLOCKS, needs_an_epoch=True)
            for way, by in TIMES.items()
        ),
    ]
    return {fault.name: fault for fault in faults}
