"""A training that takes no time and no framework: the Executor port, doing what its job file says."""

import asyncio
import json
import signal
import stat
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.executors import Order

TRAINING = """
    import ctypes, json, os, signal, sys, time
    if "--models" in sys.argv:
        sys.exit(print('{"models": [], "gpus": 0}'))
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    job = json.load(open(sys.argv[4]))
    say = lambda **line: print(json.dumps(line), flush=True)
    print("about to train", file=sys.stderr, flush=True)
    say(kind="started", device="cpu", environment={"pid": str(os.getpid())}, parameters={})
    exec(job["parameters"]["does"])
"""
"""A training that is a process, and does what its parameters say."""

Script = Callable[[dict[str, Any], Path], list[dict[str, Any]]]


def says(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    return list(job["says"])


def environments_with(program: str, folder: Path, framework: str = "tiny") -> Path:
    """An environment whose `python` runs this program, whatever it is asked to run."""
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    python = folder / framework / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return folder


@dataclass
class ScriptedExecution:
    job: dict[str, Any]
    lines: list[dict[str, Any]]
    code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if not self.job.get("hangs"):
            self.end(self.job.get("code", 0))

    def end(self, code: int) -> None:
        self.code = code
        self.ended.set()

    def status(self) -> int | None:
        return self.code

    async def reports(self) -> AsyncIterator[bytes]:
        for line in self.lines:
            yield json.dumps(line).encode() + b"\n"
        if self.job.get("stubborn"):
            yield b'{"kind": "stubborn"}\n'
        await self.ended.wait()

    async def logs(self) -> AsyncIterator[str]:
        for line in ("working 10%", "working 100%"):
            yield line
        await self.ended.wait()

    async def wait(self) -> int:
        await self.ended.wait()
        assert self.code is not None
        return self.code

    async def stop(self, patience: float) -> int:
        if self.code is None:
            self.end(-signal.SIGKILL if self.job.get("stubborn") else -signal.SIGTERM)
        return await self.wait()


@dataclass
class ScriptedExecutor:
    """`script` says what a training reports; by default what its job file lists."""

    script: Script = says
    started: list[ScriptedExecution] = field(default_factory=list)

    async def start(self, order: Order) -> ScriptedExecution:
        job = json.loads(order.job_file.read_text())
        self.started.append(ScriptedExecution(job, self.script(job, order.folder)))
        return self.started[-1]
