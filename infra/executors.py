"""Where a training runs: started, watched and stopped through one protocol, whatever stands behind it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from infra import tracing

ROOT: Final = Path(__file__).parent.parent
LONGEST_REPORT: Final = 64 * 2**20
LONGEST_LOG_LINE: Final = 2_000
# A training may know where programs and devices are, and nothing else of our environment: it could hold a secret.
PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")


@dataclass(frozen=True)
class Order:
    """What is to be run: a job file, in a folder of its own."""

    framework: str
    job_file: Path
    folder: Path
    threads: int


class Execution(Protocol):
    """One training under way."""

    def status(self) -> int | None:
        """The exit code; None while it runs."""
        ...

    def reports(self) -> AsyncIterator[bytes]:
        """What it says, line by line, until it has ended."""
        ...

    def logs(self) -> AsyncIterator[str]:
        """What it and its libraries print, line by line, until it has ended."""
        ...

    async def wait(self) -> int: ...

    async def stop(self, patience: float) -> int:
        """Ask it to end; after `patience` seconds end it by force, with all that it started."""
        ...


class Executor(Protocol):
    async def start(self, order: Order) -> Execution: ...


class Subprocess:
    """An Execution that is a process on this machine, leader of a group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._end = asyncio.create_task(self._await_end())

    @property
    def pid(self) -> int:
        return self._process.pid

    def status(self) -> int | None:
        return self._process.returncode

    async def reports(self) -> AsyncIterator[bytes]:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield line

    async def logs(self) -> AsyncIterator[str]:
        """Progress bars return the carriage without a new line; each state of one is a line here."""
        assert self._process.stderr is not None
        rest = b""
        while chunk := await self._process.stderr.read(65536):
            *lines, rest = _LINE_ENDS.split(rest + chunk)
            for line in (*lines, *([rest] if len(rest) > LONGEST_LOG_LINE else [])):
                if line:
                    yield _text(line)
            rest = b"" if len(rest) > LONGEST_LOG_LINE else rest
        if rest:
            yield _text(rest)

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    async def _await_end(self) -> int:
        """asyncio says that a process has ended only once nobody holds its pipes, and what it started may do so."""
        await asyncio.to_thread(_await_exit, self._process.pid)
        self._signal(signal.SIGKILL)
        return await self._process.wait()

    async def stop(self, patience: float) -> int:
        if self.status() is None:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                return await asyncio.wait_for(self.wait(), patience)
            self._signal(signal.SIGKILL)
        return await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@dataclass(frozen=True)
class SubprocessExecutor:
    """Runs `python -m trainers` in the framework's own environment. The process dies with this one."""

    environments: Path

    async def start(self, order: Order) -> Subprocess:
        process = await asyncio.create_subprocess_exec(
            *self.command(order),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_REPORT,
            cwd=ROOT,
            env=environment(order.folder, order.threads),
            start_new_session=True,
        )
        return Subprocess(process)

    def command(self, order: Order) -> list[str]:
        arguments = [order.framework, str(order.job_file), "--parent", str(os.getpid())]
        return [str(python_of(self.environments, order.framework)), "-m", "trainers", *arguments]


def python_of(environments: Path, framework: str) -> Path:
    return environments / framework / "bin" / "python"


def environment(home: Path, threads: int) -> Mapping[str, str]:
    """All that a training is told by its environment: no credential is among it."""
    known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    settled = {"HOME": str(home), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    traced = {"TRACEPARENT": trace} if (trace := tracing.current()) else {}
    return {"LANG": "C.UTF-8"} | known | settled | traced | dict.fromkeys(THREAD_VARIABLES, str(threads))


async def models_of(environments: Path, framework: str, folder: Path) -> bytes:
    """What `--models` prints: the framework's own registry, as one JSON line."""
    process = await asyncio.create_subprocess_exec(
        *(str(python_of(environments, framework)), "-m", "trainers", framework, "--models"),
        *("--parent", str(os.getpid())),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=sys.stderr,
        cwd=ROOT,
        env=environment(folder, 1),
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the environment of {framework} is broken: --models ended with {process.returncode}")
    return out


def _await_exit(pid: int) -> None:
    """Leaves the reaping to asyncio, which may also be faster."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _text(line: bytes) -> str:
    return line[:LONGEST_LOG_LINE].decode(errors="replace").replace("\x00", "�")
