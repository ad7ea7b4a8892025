"""One supervised process: how it starts, when it is ready, how it is asked to stop."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from infra.embedded.folder import User

# What every child may know of the caller's environment; anything else could carry a secret.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "CUDA_VISIBLE_DEVICES",
    "PYTHONUNBUFFERED",
)


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DIED = "died"
    RESTARTED = "restarted"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Change:
    """What happened to a child; `after` is in seconds since its start. While it takes long to start, STARTING
    is reported repeatedly, with the last line of its log as the detail.
    """

    name: str
    state: State
    after: float
    detail: str = ""


class StartFailed(Exception):
    """A child did not become ready; the message ends with the last lines of its log."""

    exit_code = 70  # EX_SOFTWARE


def always() -> bool:
    return True


def nothing() -> None:
    pass


def never(lines: Iterable[bytes]) -> str | None:
    return None


@dataclass(frozen=True)
class Child:
    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    # Asked again and again, from the child's own thread, until it says yes; an OSError means not yet.
    ready_probe: Callable[[], bool] = always
    # Instead of it: whether this line of the child's log says so.
    ready_line: Callable[[bytes], bool] | None = None
    # Asked every second while it is ready, with what its log has gained: why only another start makes it of use again.
    spent: Callable[[Iterable[bytes]], str | None] = never
    # Called before each start: make its folder, remove what the last run left, wait until its ports are free.
    prepare: Callable[[], None] = nothing
    user: User | None = None
    # How long it may do nothing at all (see stirring.py) before it is ready; whoever is at work is waited for.
    quiet_for: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0
    nice: int = 0
    # What the kernel sends when the supervisor itself is killed.
    death_signal: signal.Signals = signal.SIGKILL

    def environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(self.env)
