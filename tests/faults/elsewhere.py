"""A worker that is gone for good: of two services of a framework, the other claims its job and goes on with it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from infra.config import SETTINGS_FILE
from infra.embedded.child import Child
from infra.embedded.group import Group
from infra.embedded.passwords import write_private
from tests.faults.house import House, training_of
from tests.faults.inflicting import Blow, Fault, suspended
from tests.servers import data_folder
from tests.whole import ended, goes_on, waited

HERE: Final = "trainer-timm"
ELSEWHERE: Final = "trainer-timm-elsewhere"
EPOCHS: Final = 45
GOES_ON_BY_THEN: Final = 120.0
# Told to end, a training has five seconds for it.
ENDED_BY_THEN: Final = 15.0


def stop_for_good(blow: Blow) -> None:
    """With what it trains, as a machine that hangs; it wakes when another works on its job, and is refused."""
    with two_services(blow.house) as homes:
        job, worker = given(blow, homes)
        service = pid_of(blow.house, worker)
        training = waited(lambda: training_of(service), 60, "the training")
        blow.house.struck_at = time.time()
        with suspended(service, training):
            another_goes_on(blow.house, job, worker, homes)
        waited(lambda: training_of(service) != training, ENDED_BY_THEN, "the end of a training that was given away")
        see_to_the_end(blow.house, job, homes)


def kill_for_good(blow: Blow) -> None:
    """Whoever is started in its place is held before it can give the job back."""
    with two_services(blow.house) as homes:
        job, worker = given(blow, homes)
        blow.house.kill(worker)
        with suspended(pid_of(blow.house, worker)):
            another_goes_on(blow.house, job, worker, homes)
        see_to_the_end(blow.house, job, homes)


@contextmanager
def two_services(house: House) -> Iterator[Mapping[str, Path]]:
    """Ready, each in a folder of its own, as on two machines: where either keeps its attempts."""
    with data_folder() as folder:
        port = house.platform.stack.ports[ELSEWHERE]
        group = Group(house.data / "logs", house.hear)
        with group.running([service_in(folder, port, house)]), house.joined_by(group):
            waited(lambda: has_models(port), 120, "what the second service can train")
            yield {HERE: house.data / HERE / "attempts", ELSEWHERE: folder / HERE / "attempts"}


def service_in(folder: Path, port: int, house: House) -> Child:
    stack = house.platform.stack
    told = stack.told.settings_for(HERE) | {"data": str(folder), "trainer_port": port}
    file = write_private(folder / "settings.json", json.dumps(told).encode())
    return replace(stack.vistory(HERE), name=ELSEWHERE, env={SETTINGS_FILE: str(file)})


def has_models(port: int) -> bool:
    return bool(httpx.get(f"http://127.0.0.1:{port}/models", trust_env=False).json()["items"])


def given(blow: Blow, homes: Mapping[str, Path]) -> tuple[str, str]:
    """A job that goes on, and by whom; the other has nothing to do meanwhile."""
    house, before = blow.house, blow.users.job()
    blow.users.watch(homes[ELSEWHERE])
    job = blow.users.train(EPOCHS)
    waited(lambda: goes_on(house.direct, job, 1) and ended(house.direct, before), 180, "an epoch, and nothing beside")
    return job, next(name for name, home in homes.items() if (home / f"{job}.1").exists())


def another_goes_on(house: House, job: str, worker: str, homes: Mapping[str, Path]) -> None:
    waited(lambda: goes_on(house.direct, job, 2), GOES_ON_BY_THEN, "a new epoch of whoever claimed the job")
    assert not (homes[worker] / f"{job}.2").exists(), "it is another that goes on"


def pid_of(house: House, part: str) -> int:
    return waited(partial(house.pid, part), 60, f"a process of {part}")


def see_to_the_end(house: House, job: str, homes: Mapping[str, Path]) -> None:
    """Of the job, and of the archive of all that was trained."""
    waited(lambda: ended(house.direct, job), 180, "the end of the job")
    waited(lambda: not any(list(home.iterdir()) for home in homes.values()), 120, "the archive of every attempt")


def table() -> dict[str, Fault]:
    lost = ("worker_lost",)
    faults = [
        Fault(f"kill {HERE} for good", kill_for_good, lost, ends_a_worker=True, tells_late=True, needs_an_epoch=True),
        Fault(f"stop {HERE} for good", stop_for_good, lost, ends_a_worker=True, tells_late=True, needs_an_epoch=True),
    ]
    return {fault.name: fault for fault in faults}
