"""The API at a port of this machine, as it is served, in a thread of this process; and lines to it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import sleep

import uvicorn
from fastapi import FastAPI

from api import create_app
from api.limits import Limits
from api.server import Announced, configured
from infra.config import Settings


@contextmanager
def at_port(settings: Settings) -> Iterator[Announced]:
    server = configured(create_app(settings), settings.model_copy(update={"api_port": 0}))
    with running(server):
        yield server


@contextmanager
def running(server: uvicorn.Server) -> Iterator[int]:
    """The port of this machine at which it answers."""
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            sleep(0.01)
        yield port_of(server)
    finally:
        server.should_exit = True
        thread.join()


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


def limits_of(server: Announced) -> Limits:
    app = server.config.app
    assert isinstance(app, FastAPI)
    limits: Limits = app.state.limits
    return limits


@contextmanager
def line_to(server: Announced, address: str = "127.0.0.1") -> Iterator[socket.socket]:
    """From one of this machine's addresses."""
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=30, source_address=(address, 0)) as line:
        yield line


def begin_socket(line: socket.socket, path: str) -> int:
    """The status of the answer, or 0 where the other side hung up."""
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with suppress(ConnectionError):
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{upgrade}{key}\r\n".encode())
        if answer := line.recv(65_536):
            return int(answer.split()[1])
    return 0


def frame(data: bytes, opcode: int = 0x81, claimed: int | None = None) -> bytes:
    """Of text and the last one, if nothing else is said; masked with noughts, `claimed` bytes long."""
    length = len(data) if claimed is None else claimed
    return bytes([opcode, 0xFF]) + length.to_bytes(8, "big") + bytes(4) + data
