"""Each end of a training has its own reason and evidence: real processes, the real service, a real bus."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from infra.embedded.nats import Nats
from infra.executors import SubprocessExecutor
from tests.consumers.front_desk import FrontDesk
from tests.consumers.test_training import Scene, bus, scene, until
from tests.doubles_of_trainers import TRAINING, environments_with
from tests.servers import Servers

__all__ = ["bus"]
SAYS = "say(kind='failed', reason='{0}', message='so it is'); sys.exit({1})"
WAITS = "time.sleep(600)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(kind='batch', stubborn=True); time.sleep(600)"


def told(servers: Servers, bus: Nats, folder: Path, does: str) -> tuple[str, dict[str, object]]:
    """What the platform is told last of a training that does this."""
    desk = FrontDesk(parameters={"does": does})

    async def story() -> None:
        executor = SubprocessExecutor(environments_with(TRAINING, folder, "timm"))
        async with scene(servers, bus, folder, executor, desk) as at:
            await at.request()
            await until(lambda: len(at.desk.reports) == 2)

    asyncio.run(story())
    what, body = desk.reports[1]
    return what, body["evidence"]


@pytest.mark.parametrize(
    ("does", "report", "reason", "code"),
    [
        (SAYS.format("out_of_memory", 4), "fail", "out_of_memory", 4),
        (SAYS.format("data_error", 3), "fail", "data_error", 3),
        (SAYS.format("code_error", 5), "fail", "code_error", 5),
        ("raise ValueError('boom')", "fail", "code_error", 1),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "fail", "code_error", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGKILL)", "hand-over", "infrastructure", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", "hand-over", "infrastructure", -signal.SIGTERM),
        ("sys.exit(0)", "fail", "code_error", 0),
    ],
)
def test_each_end_has_its_reason_its_exit_code_and_its_last_lines(
    servers: Servers, bus: Nats, tmp_path: Path, does: str, report: str, reason: str, code: int
) -> None:
    what, evidence = told(servers, bus, tmp_path, does)
    assert (what, evidence["reason"], evidence["exit_code"]) == (report, reason, code)
    lines = evidence["last_lines"]
    assert isinstance(lines, list)
    assert lines[0] == "about to train"
    assert ("ValueError: boom" in lines) is ("boom" in does)


def test_a_training_that_the_kernel_ended_for_want_of_memory_is_told_from_any_other_kill(
    servers: Servers, bus: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "trainers/one/memory.events"
    events.parent.mkdir(parents=True)
    events.write_text("max 3\noom_kill 1\n")
    (tmp_path / "ours").write_text("3:cpuset:/elsewhere\n0::/trainers/one\n")
    monkeypatch.setattr("infra.ends.OURS", tmp_path / "ours")
    monkeypatch.setattr("infra.ends.GROUPS", tmp_path)
    does = f"open({str(events)!r}, 'w').write('max 4\\noom_kill 2\\n'); os.kill(os.getpid(), signal.SIGKILL)"
    what, evidence = told(servers, bus, tmp_path, does)
    assert (what, evidence["reason"], evidence["exit_code"]) == ("fail", "out_of_memory", -signal.SIGKILL)


def pid_of(at: Scene) -> int:
    return int(dict(at.desk.reports)["start"]["environment"]["pid"])


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_cancel_ends_also_a_training_that_does_not_listen(servers: Servers, bus: Nats, tmp_path: Path) -> None:
    async def story() -> None:
        executor = SubprocessExecutor(environments_with(TRAINING, tmp_path, "timm"))
        async with scene(servers, bus, tmp_path, executor, FrontDesk(parameters={"does": STUBBORN})) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            pid, asked = pid_of(at), time.monotonic()
            await at.cancel()
            await until(lambda: is_gone(pid), within=10.0)
            await until(lambda: "fail" in at.desk.kinds(), within=10.0 - (time.monotonic() - asked))
            assert at.desk.reports[-1][1]["evidence"]["reason"] == "user"

    asyncio.run(story())


def test_a_service_that_stops_for_an_upgrade_gives_its_training_back_and_leaves_no_process(
    servers: Servers, bus: Nats, tmp_path: Path
) -> None:
    async def story() -> tuple[FrontDesk, int]:
        executor = SubprocessExecutor(environments_with(TRAINING, tmp_path, "timm"))
        async with scene(servers, bus, tmp_path, executor, FrontDesk(parameters={"does": WAITS})) as at:
            await at.request()
            await until(lambda: "start" in at.desk.kinds())
            return at.desk, pid_of(at)

    desk, pid = asyncio.run(story())
    assert is_gone(pid)
    what, body = desk.reports[-1]
    assert (what, body["evidence"]["reason"]) == ("hand-over", "handed_over")
    assert body["evidence"]["last_lines"] == ["about to train"]
    assert os.getpid() != pid
