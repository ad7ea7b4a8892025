"""A way between a process and its server that can be cut, slowed down, or fall silent without a word."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

HOST: Final = "127.0.0.1"
CHUNK: Final = 16 * 1024
REFUSAL: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
SLOWLY: Final = 10_000


@dataclass
class Road:
    """What is true of every connection of one proxy just now."""

    closed: bool = False
    audible: asyncio.Event = field(default_factory=asyncio.Event)
    rate: int | None = None
    refusing: bool = False
    writers: set[asyncio.StreamWriter] = field(default_factory=set)


class Proxy(Thread):
    """From a port of its own to another; both stay the same for its whole life."""

    def __init__(self, target: int) -> None:
        super().__init__(name=f"proxy-{target}", daemon=True)
        self._target = target
        # How often every connection was ended at once.
        self.severed = 0
        self._road = Road()
        self._road.audible.set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, HOST, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def instead(self, url: str) -> str:
        """The address of the server, by way of this proxy."""
        address = urlsplit(url)
        who, at, _ = address.netloc.rpartition("@")
        return address._replace(netloc=f"{who}{at}{HOST}:{self.port}").geturl()

    def run(self) -> None:
        self._loop.run_forever()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection ends, and new ones are ended at once."""
        self._set(closed=True)
        self.sever()
        try:
            yield
        finally:
            self._set(closed=False)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing arrives and nobody is told; afterwards what was sent arrives, as after lost packets."""
        self._call(self._road.audible.clear)
        try:
            yield
        finally:
            self._call(self._road.audible.set)

    @contextmanager
    def slow(self, rate: int = SLOWLY) -> Iterator[None]:
        """So many bytes a second, each connection and each way."""
        self._set(rate=rate)
        try:
            yield
        finally:
            self._set(rate=None)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Whatever is asked over HTTP is a mistake."""
        self._set(refusing=True)
        self.sever()
        try:
            yield
        finally:
            self._set(refusing=False)

    def sever(self) -> None:
        """Every connection that there is now ends, as a server's restart would end it."""
        self.severed += 1
        self._call(self._abort)

    def _abort(self) -> None:
        for writer in list(self._road.writers):
            writer.transport.abort()

    def _set(self, **values: Any) -> None:
        self._call(lambda: vars(self._road).update(values))

    def _call(self, what: Callable[[], object]) -> None:
        async def done() -> None:
            what()

        self._ask(done())

    def _ask(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._road.closed:
            return writer.transport.abort()
        if self._road.refusing:
            return await self._refuse(reader, writer)
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            return writer.transport.abort()
        self._road.writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, back))
                both.create_task(self._carry(there, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, back):
                self._road.writers.discard(each)
                each.transport.abort()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSAL)
        await writer.drain()
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(min(CHUNK, self._road.rate or CHUNK)):
            await self._road.audible.wait()
            if self._road.rate:
                await asyncio.sleep(len(data) / self._road.rate)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        self._road.audible.set()
        self._abort()
        if carrying := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(carrying, timeout=5)
