"""What is done to a running platform, each fault by name: it is inflicted, lasts, and is taken away again."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import psutil

from tests.faults.house import OURS, SERVERS, TRAINING, WRITES, House
from tests.whole import goes_on, head, waited

KILLED: Final = (*OURS, "mail", TRAINING, *SERVERS)
STOPPED: Final = ("relay", "projector", "consumers", "mail", "api", "trainer-timm", TRAINING)
ROADS: Final = ("postgres", "nats", "objects", "mlflow", "mail", "api")
# For which reasons an attempt is rightly lost by what is done to whom.
LOSES: Final = {TRAINING: ("infrastructure",), "trainer-timm": ("worker_lost", "infrastructure")}
# Killed while it starts, PostgreSQL does not start again before what is left of it has ended.
ENDS: Final = {"postgres": ("postgres",)}
# The way of letters.
WRITES_BY: Final = "mail"
AWAY_FOR: Final = 20.0
STOPPED_FOR: Final = 60.0
# In epochs, of a good half of a second each.
LONGER_THAN_A_MINUTE: Final = 240


class Users(Protocol):
    """Those who use the house meanwhile."""

    def pause(self) -> None: ...

    def go_on(self) -> None: ...

    def forget(self, after: int) -> None: ...

    def expect_ahead(self, seconds: float) -> None: ...

    def train(self, epochs: int | None = None) -> str: ...

    def watch(self, attempts: Path) -> None:
        """What another worker keeps of its attempts."""
        ...

    def job(self) -> str:
        """The last that was asked for."""
        ...


@dataclass(frozen=True)
class Blow:
    """One fault as it is to be inflicted: on whom, by which chance, and which share of its full length."""

    house: House
    chance: random.Random
    share: float
    users: "Users"

    def last(self, seconds: float) -> None:
        time.sleep(seconds * self.share)


@dataclass(frozen=True)
class Fault:
    name: str
    inflict: Callable[[Blow], None]
    # For which reasons an attempt may be lost by it.
    loses: tuple[str, ...] = ()
    # What may end by itself: a relay that finds the stream to be another ends, and says so, until that is mended.
    ends: tuple[str, ...] = ()
    # It takes back what was told already, as a restore from a backup does.
    rewinds: bool = False
    # A letter may come twice by it.
    doubles: bool = False
    # Nothing but a worker ends by it: how soon its training goes on is told and judged, where an epoch of it had ended.
    ends_a_worker: bool = False
    # A worker ships what it has kept of an attempt after another has gone on: too late for who listens on a socket.
    tells_late: bool = False
    # What it needs of the house beside itself: "disks" to fill, "clocks" to set, a bus that is a "cluster".
    needs: frozenset[str] = frozenset()
    # It needs a training that is under way, or has one of its own: it begins between two epochs, and nowhere else.
    needs_an_epoch: bool = False

    @property
    def breaks_promises(self) -> bool:
        """Whoever was promised a letter may wait in vain: the API keeps that behind its answer, in its database."""
        return self.rewinds or any(word in self.name for word in ("api", "postgres", "disk", "clock"))


def kill(part: str, blow: Blow) -> None:
    """Once, or again while it comes back."""
    for _ in range(blow.chance.choice((1, 1, 2)) if blow.share == 1.0 else 1):
        waited(lambda: blow.house.pid(part), 60, f"a process of {part}")
        blow.house.kill(part)
        blow.last(blow.chance.uniform(0.0, 3.0))


def suspend(part: str, blow: Blow) -> None:
    pid = waited(lambda: blow.house.pid(part), 60, f"a process of {part}")
    with suspended(pid):
        blow.last(STOPPED_FOR)


@contextmanager
def suspended(*pids: int) -> Iterator[None]:
    """Stopped in mid-air; whoever ended meanwhile is let go."""
    for pid in pids:
        signal_to(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            signal_to(pid, signal.SIGCONT)


def signal_to(pid: int, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(number)


def cut(road: str, blow: Blow) -> None:
    with blow.house.roads[road].cut():
        blow.last(AWAY_FOR)


def hush(road: str, blow: Blow) -> None:
    with blow.house.roads[road].silent():
        blow.last(AWAY_FOR)


def slow_down(road: str, blow: Blow) -> None:
    with blow.house.roads[road].slow():
        blow.last(AWAY_FOR)


def sever(road: str, blow: Blow) -> None:
    """Every connection, again and again."""
    for _ in range(5):
        blow.house.roads[road].sever()
        blow.last(blow.chance.uniform(0.1, 2.0))


def second(part: str, blow: Blow) -> None:
    """Two of them for a while, of which the first dies, comes back, and is held once it works again."""
    stack = blow.house.platform.stack
    other = replace(stack.vistory(part), name=f"{part}-2")
    with stack.supervised([other]):
        blow.last(6)
        blow.house.kill(part)
        blow.last(6)
        with suspended(waited(lambda: blow.house.pid(part) if blow.house.is_whole() else None, 60, part)):
            blow.last(STOPPED_FOR)


def bus_away_for_a_minute(blow: Blow) -> None:
    """While a training goes on: nobody is given up whom only the bus does not see."""
    house = blow.house
    job = blow.users.train(LONGER_THAN_A_MINUTE)
    waited(lambda: goes_on(house.direct, job, 1), 120, "the first epoch of a training")
    with suspended(waited(lambda: house.pid("nats"), 60, "NATS")):
        blow.last(STOPPED_FOR)
        position = head(house.direct)
    waited(lambda: goes_on(house.direct, job, 1, position), 60, "an epoch after the bus was back")


def restart_postgres(blow: Blow) -> None:
    """As its operator does: at once, while batches commit."""
    for _ in range(3):
        waited(lambda: blow.house.pid("postgres"), 60, "PostgreSQL")
        blow.house.killed["postgres"] += 1
        blow.house.send("postgres", signal.SIGINT)
        blow.last(blow.chance.uniform(3, 6))


def table() -> dict[str, Fault]:
    faults = [
        *(
            Fault(
                f"kill {part}",
                partial(kill, part),
                LOSES.get(part, ()),
                ENDS.get(part, ()),
                doubles=part in WRITES,
                ends_a_worker=part in LOSES,
                needs_an_epoch=part == TRAINING,
            )
            for part in KILLED
        ),
        *(
            Fault(f"stop {part}", partial(suspend, part), LOSES.get(part, ()), needs_an_epoch=part == TRAINING)
            for part in STOPPED
        ),
        *(Fault(f"cut {road}", partial(cut, road), doubles=road == WRITES_BY) for road in ROADS),
        *(Fault(f"hush {road}", partial(hush, road)) for road in ROADS),
        *(Fault(f"slow {road}", partial(slow_down, road)) for road in ROADS),
        *(Fault(f"sever {road}", partial(sever, road), doubles=road == WRITES_BY) for road in ROADS),
        *(Fault(f"two of {part}", partial(second, part)) for part in ("relay", "projector")),
        Fault("NATS away for 60 s", bus_away_for_a_minute, needs_an_epoch=True),
        Fault("restart postgres", restart_postgres, ends=("postgres",)),
    ]
    return {fault.name: fault for fault in faults}
