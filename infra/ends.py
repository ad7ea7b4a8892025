"""How a training came to its end: from what its process said, and how it went, to a reason and what is to be done."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

from domain.training import EndReason, Evidence

KILLED: Final = -signal.SIGKILL
TERMINATED: Final = (143, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
REASONS: Final = {
    3: EndReason.DATA_ERROR,
    4: EndReason.OUT_OF_MEMORY,
    5: EndReason.CODE_ERROR,
    6: EndReason.INFRASTRUCTURE,
}
OURS: Final = Path("/proc/self/cgroup")
GROUPS: Final = Path("/sys/fs/cgroup")


class Stop(Enum):
    """Why the service itself ends a training."""

    CANCELLED = auto()
    STALE = auto()
    HANDED_OVER = auto()


@dataclass(frozen=True)
class Ended:
    """`report` is what the platform is told: complete, fail, hand-over, or nothing."""

    report: str | None
    reason: EndReason | None = None
    message: str = ""
    exit_code: int | None = None


def judge(
    code: int | None, stop: Stop | None, result: object, failed: Mapping[str, Any] | None, out_of_memory: bool
) -> Ended:
    """What was asked for comes first, then what the process said, then how it ended."""
    if stop is not None:
        return stopped(stop, code)
    if failed is not None:
        return Ended("fail", EndReason(failed["reason"]), str(failed["message"]), code)
    if code == 0:
        if result is not None:
            return Ended("complete")
        return Ended("fail", EndReason.CODE_ERROR, "the training ended without a result", code)
    if code in REASONS:
        return Ended("fail", REASONS[code], f"the training ended with status {code}", code)
    return broken_off(code, out_of_memory)


def stopped(stop: Stop, code: int | None) -> Ended:
    match stop:
        case Stop.CANCELLED:
            return Ended("fail", EndReason.USER, "the training was cancelled", code)
        case Stop.HANDED_OVER:
            return Ended("hand-over", EndReason.HANDED_OVER, "the service of the trainer stops", code)
        case Stop.STALE:
            return Ended(None)


def broken_off(code: int | None, out_of_memory: bool) -> Ended:
    """Somebody else ended the process, which is not the job's fault; or it crashed, which is."""
    if code == KILLED and out_of_memory:
        return Ended("fail", EndReason.OUT_OF_MEMORY, "the machine ran out of memory and ended the training", code)
    if code == KILLED or code in TERMINATED:
        return Ended("hand-over", EndReason.INFRASTRUCTURE, "the training was ended from outside", code)
    return Ended("fail", EndReason.CODE_ERROR, f"the training broke down with status {code}", code)


def evidence(ended: Ended, last_lines: Sequence[str]) -> dict[str, Any]:
    """Bounded as the events are; with the last that the process printed."""
    lines = tuple(line[:500] for line in last_lines)[-50:]
    assert ended.reason is not None
    found = Evidence(
        reason=ended.reason,
        message=ended.message[:10_000].replace("\x00", "�"),
        exit_code=ended.exit_code,
        last_lines=lines,
    )
    return found.model_dump(mode="json")


def processes_killed_for_memory() -> int:
    """How often the kernel did that in our group; 0 where it does not say."""
    for file in memory_events():
        try:
            words = file.read_text().split()
            return int(words[words.index("oom_kill") + 1])
        except (OSError, ValueError, IndexError):
            continue
    return 0


def memory_events() -> Iterator[Path]:
    """Where it would be said, by cgroups(7): our group, or the root, which is what a container may see of its own."""
    lines = OURS.read_text().splitlines() if OURS.exists() else []
    for _, controllers, group in (line.split(":", 2) for line in lines):
        if not controllers:
            yield GROUPS / group.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            yield GROUPS / "memory" / group.lstrip("/") / "memory.oom_control"
    yield GROUPS / "memory.events"
    yield GROUPS / "memory/memory.oom_control"
