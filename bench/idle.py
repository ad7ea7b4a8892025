"""The whole platform while nobody asks anything of it: how soon it is ready, how much memory and processor it takes."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from bench.frame import Bench, Result
from cli.platform import running
from infra.embedded import Change
from tests.servers import data_folder
from tests.whole import waited

WORKERS: Final = "trainer-"
MIB: Final = 2**20
Heads = Mapping[str, psutil.Process]
GOALS: Final = {"ready": 15.0, "memory": 1024.0, "processor": 5.0, "help": 0.3}


def idle(bench: Bench) -> Iterator[Result]:
    yield help_is_quick()
    with data_folder() as folder:
        begun = time.perf_counter()
        with running(folder / "data", nobody) as platform:
            yield ready("a new platform is ready", begun)
            platform.stack.await_ready("mlflow")
            yield ready("a new platform is ready, MLflow as well", begun)
            heads = {name: psutil.Process(pid) for name, pid in platform.stack.pids().items()}
            waited(lambda: settled(heads), 60, "nothing has to be caught up any more")
            yield from at_rest(heads, bench.size(20, 60))


def ready(work: str, begun: float) -> Result:
    return Result(work, "s", time.perf_counter() - begun, goal=GOALS["ready"], more_is_better=False)


def nobody(change: Change) -> None:
    pass


def help_is_quick() -> Result:
    vistory = Path(sys.prefix) / "bin" / "vistory"
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([str(vistory), "--help"], stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - begun)
    return Result("vistory --help, the best of 5", "s", min(took), goal=GOALS["help"], more_is_better=False)


def settled(heads: Heads) -> bool:
    """What starts is over once a second passes in which all use less than a third of a core."""
    everybody = [each for part in parts_of(heads).values() for each in part]
    before = seconds(everybody)
    time.sleep(1.0)
    return seconds(everybody) - before < 0.33


def parts_of(heads: Heads) -> dict[str, list[psutil.Process]]:
    """Each with what it has started itself."""
    return {name: [head, *head.children(recursive=True)] for name, head in heads.items()}


def at_rest(heads: Heads, length: int) -> Iterator[Result]:
    parts = parts_of(heads)
    before = {name: seconds(part) for name, part in parts.items()}
    time.sleep(length)
    spent = {name: 100 * (seconds(part) - before[name]) / length for name, part in parts.items()}
    shared, alone = memory(parts, "pss"), memory(parts, "rss")
    stack = [name for name in parts if not name.startswith(WORKERS)]
    for what, unit, found, goal in (
        ("memory, shared pages divided among those who share them", "MiB", shared, GOALS["memory"]),
        ("memory, shared pages counted with each (RSS)", "MiB", alone, GOALS["memory"]),
        (f"processor, over {length} s", "% of a core", spent, GOALS["processor"]),
    ):
        notes = dict(sorted(found.items(), key=lambda pair: -pair[1]))
        ours = sum(found[name] for name in stack)
        yield Result(f"idle, workers apart: {what}", unit, ours, goal=goal, more_is_better=False, notes=notes)


def seconds(part: Sequence[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in part if each.is_running())


def memory(parts: Mapping[str, Sequence[psutil.Process]], how: str) -> dict[str, float]:
    return {
        name: sum(getattr(each.memory_full_info(), how) for each in part if each.is_running()) / MIB
        for name, part in parts.items()
    }
