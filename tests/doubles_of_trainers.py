"""A training that takes no time and no framework: the Executor port, doing what its job file says."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.executors import Order

Script = Callable[[dict[str, Any], Path], list[dict[str, Any]]]


def says(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    return list(job["says"])


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
