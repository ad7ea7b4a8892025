"""The command as a person starts it: a process of its own, and whatever it leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

VISTORY = Path(sys.prefix) / "bin" / "vistory"


def vistory(*words: str, home: Path, within: float = 240.0) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"VISTORY_HOME": str(home)}
    return subprocess.run(
        [str(VISTORY), *words], capture_output=True, text=True, timeout=within, env=environment, check=False
    )


class Up:
    """A running `vistory up`, and every process that it has ever been seen with."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def first_line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> float:
        """Ctrl-C; returns how many seconds it took to end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it then says where each of its threads stands
            raise AssertionError(self.process.communicate(timeout=10)[1]) from None
        return time.monotonic() - begun


# A platform that is stopped for a while finds its port again: tests of the other worker look for theirs elsewhere.
NEAR: Final = {"VISTORY_API_PORT": str(8_100 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))}


@contextmanager
def up(data: Path, home: Path, **variables: str) -> Iterator[Up]:
    environment = os.environ | {"VISTORY_HOME": str(home), "PYTHONFAULTHANDLER": "1", **NEAR} | variables
    process = subprocess.Popen(
        [str(VISTORY), "up", "--data", str(data), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield Up(process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)


def line_of(process: psutil.Process) -> str:
    """The words that it was started with; none where it ended just now."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def left_of(family: list[psutil.Process]) -> list[str]:
    return [one.name() for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
