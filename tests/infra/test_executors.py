"""One suite for every Executor: on the double that tests of the service use, and on real processes."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from infra.executors import Execution, Executor, Order, SubprocessExecutor, environment
from tests.doubles_of_trainers import ScriptedExecutor, environments_with

PROGRAM = """
    import json, os, sys, time
    order = json.load(open(sys.argv[4]))
    for line in order["says"]:
        print(json.dumps(line), flush=True)
    print("working 10%\\rworking 100%", file=sys.stderr, flush=True)
    if order.get("forks"):
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(json.dumps({"kind": "child", "pid": child.pid}), flush=True)
    if order.get("stubborn"):
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(json.dumps({"kind": "stubborn"}), flush=True)
    if order.get("hangs"):
        time.sleep(600)
    sys.exit(order.get("code", 0))
"""


@pytest.fixture(params=["double", "subprocess"])
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Executor:
    if request.param == "double":
        return ScriptedExecutor()
    return SubprocessExecutor(environments_with(PROGRAM, tmp_path))


def order_for(folder: Path, **what: object) -> Order:
    job = folder / "job.json"
    job.write_text(json.dumps({"says": []} | what))
    return Order("tiny", job, folder, 1)


async def all_of(lines: AsyncIterator[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) async for line in lines]


async def first_of(execution: Execution) -> dict[str, object]:
    async for line in execution.reports():
        return dict(json.loads(line))
    raise AssertionError("it said nothing")


async def emptied(execution: Execution) -> None:
    """Its pipes are closed once they were read to their ends, which the loop must live to see."""
    async for _ in execution.reports():
        pass
    async for _ in execution.logs():
        pass


def test_what_it_says_and_prints_arrives_line_by_line_and_then_its_exit_code(
    executor: Executor, tmp_path: Path
) -> None:
    async def story() -> None:
        execution = await executor.start(order_for(tmp_path, says=[{"kind": "a"}, {"kind": "b"}], code=3))
        assert await all_of(execution.reports()) == [{"kind": "a"}, {"kind": "b"}]
        assert [line async for line in execution.logs()] == ["working 10%", "working 100%"]
        assert await execution.wait() == 3
        assert execution.status() == 3
        await emptied(execution)

    asyncio.run(story())


def test_it_has_no_status_while_it_runs_and_ends_when_asked(executor: Executor, tmp_path: Path) -> None:
    async def story() -> None:
        execution = await executor.start(order_for(tmp_path, says=[{"kind": "here"}], hangs=True))
        assert await first_of(execution) == {"kind": "here"}
        assert execution.status() is None
        assert await execution.stop(5.0) in (-signal.SIGTERM, 143)
        assert execution.status() is not None
        await emptied(execution)

    asyncio.run(story())


def test_one_that_does_not_listen_is_ended_by_force(executor: Executor, tmp_path: Path) -> None:
    async def story() -> None:
        execution = await executor.start(order_for(tmp_path, hangs=True, stubborn=True))
        assert await first_of(execution) == {"kind": "stubborn"}
        assert await execution.stop(0.2) == -signal.SIGKILL
        await emptied(execution)

    asyncio.run(story())


def test_what_a_training_started_ends_with_it(tmp_path: Path) -> None:
    async def story() -> int:
        executor = SubprocessExecutor(environments_with(PROGRAM, tmp_path))
        execution = await executor.start(order_for(tmp_path, forks=True))
        said = await first_of(execution)
        assert await execution.wait() == 0
        await emptied(execution)
        return int(str(said["pid"]))

    with suppress(psutil.NoSuchProcess):
        child = psutil.Process(asyncio.run(story()))
        assert child.status() == psutil.STATUS_ZOMBIE or child.wait(5) is None


def test_a_line_without_end_is_cut_and_not_kept_in_memory(tmp_path: Path) -> None:
    async def story() -> list[str]:
        program = "import sys\nsys.stderr.write('x' * 1_000_000)\n"
        executor = SubprocessExecutor(environments_with(program, tmp_path))
        execution = await executor.start(order_for(tmp_path))
        lines = [line async for line in execution.logs()]
        await execution.wait()
        await emptied(execution)
        return lines

    assert max(map(len, asyncio.run(story()))) <= 2_000


def test_a_training_is_told_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISTORY_DATABASE_URL", "postgresql://a:secret@b/c")
    told = environment(tmp_path, 2)
    assert "secret" not in str(told)
    assert told["HOME"] == str(tmp_path)
    assert told["OMP_NUM_THREADS"] == "2"
    assert os.environ["PATH"] == told["PATH"]
