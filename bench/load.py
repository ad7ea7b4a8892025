"""A client for HTTP that costs little itself: connections that stay open, one request after another on each."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.frame import percentile


class Load(NamedTuple):
    """Per second, and milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Talk:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __call__(self, method: str, path: str, body: Any, token: str = "") -> Any:
        """What was answered. Raises AssertionError where that is no success."""
        data = json.dumps(body).encode()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{bearer}"
        self.writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        answer = await self.reader.readexactly(length)
        assert first.split(" ")[1].startswith("2"), f"{method} {path}: {first} {answer!r}"
        return json.loads(answer)


Story = Callable[[Talk], Awaitable[object]]


def loaded(port: int, story: Story, clients: int, seconds: float) -> Load:
    """What so many clients reach who tell the same story again and again, each on a connection of its own."""
    return asyncio.run(_loaded(port, story, clients, seconds))


async def _loaded(port: int, story: Story, clients: int, seconds: float) -> Load:
    talks = [Talk(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(clients)]
    await asyncio.gather(*(story(talk) for talk in talks))
    start = time.perf_counter()
    took = [each for some in await asyncio.gather(*(_again(t, story, start + seconds) for t in talks)) for each in some]
    spent = time.perf_counter() - start
    for talk in talks:
        talk.writer.close()
    return Load(len(took) / spent, percentile(took, 0.5) * 1e3, percentile(took, 0.99) * 1e3)


async def _again(talk: Talk, story: Story, end: float) -> list[float]:
    took = []
    while (start := time.perf_counter()) < end:
        await story(talk)
        took.append(time.perf_counter() - start)
    return took
