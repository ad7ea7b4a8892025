"""Lines that are opened and not used, or misused, cost the API little: a server of its own, with nothing behind it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import sleep
from typing import Any

import pytest
import uvicorn
from websockets.sync.client import connect

from api.protocol import LONGEST_HEAD, Guarded
from api.server import configured
from infra.config import Settings
from tests.api.at_port import running

ASKS = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Impatient(Guarded):
    head_within = 0.5


class Crowded(Guarded):
    most_lines = 20


async def says_yes(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.send", "text": "yes"})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(Impatient) as port:
        yield port


@contextmanager
def served(protocol: type[Guarded], proxies: str = "") -> Iterator[int]:
    config = uvicorn.Config(
        says_yes, port=0, http=protocol, log_level="error", lifespan="off", forwarded_allow_ips=proxies
    )
    with running(uvicorn.Server(config)) as port:
        yield port


@contextmanager
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        yield opened


def answer(opened: socket.socket) -> bytes:
    """Up to the end; nothing where the other side hung up."""
    said = b""
    with suppress(ConnectionResetError):
        while more := opened.recv(65_536):
            said += more
    return said


def ask(port: int, words: bytes) -> bytes:
    with line(port) as opened:
        return ask_on(opened, words)


def ask_on(opened: socket.socket, words: bytes) -> bytes:
    try:
        opened.sendall(words)
    except (BrokenPipeError, ConnectionResetError):
        return b""
    return answer(opened)


def test_an_ordinary_request_is_answered(port: int) -> None:
    assert ask(port, ASKS).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(port: int, words: bytes) -> None:
    assert ask(port, words) == b""


def test_nor_is_the_second_on_a_line(port: int) -> None:
    said = ask(port, ASKS.replace(b"close", b"keep-alive") + b"GET / HTTP/1.1\r\nX-Slow: ")
    assert said.count(b"HTTP/1.1 204") == 1


def test_a_head_without_end_is_not_read(port: int) -> None:
    assert ask(port, b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 40 * LONGEST_HEAD) == b""


def test_a_long_body_is_no_long_head(port: int) -> None:
    size = 4 * LONGEST_HEAD
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()
    assert ask(port, head + b"a" * size).startswith(b"HTTP/1.1 204")


def test_a_socket_may_be_silent_for_longer_than_a_head(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}") as opened:
        sleep(2 * Impatient.head_within)
        opened.send("?")
        assert opened.recv(timeout=10) == "yes"


def first_word(opened: socket.socket) -> bytes:
    """And the line stays."""
    with suppress(BrokenPipeError, ConnectionResetError):
        opened.sendall(ASKS.replace(b"close", b"keep-alive"))
        return opened.recv(65_536)
    return b""


def test_of_too_many_lines_the_last_are_hung_up_on() -> None:
    with served(Crowded) as port, ExitStack() as stack:
        lines = [stack.enter_context(line(port)) for _ in range(60)]
        answers = [first_word(each) for each in lines]
    assert [said.startswith(b"HTTP/1.1 204") for said in answers] == [True] * 20 + [False] * 40


def test_the_lines_of_a_proxy_are_those_of_many() -> None:
    with served(Crowded, proxies="10.0.0.1, 127.0.0.0/8") as port, ExitStack() as stack:
        lines = [stack.enter_context(line(port)) for _ in range(60)]
        assert all(first_word(each).startswith(b"HTTP/1.1 204") for each in lines)


def test_the_api_is_guarded_so() -> None:
    config = configured(None, Settings()).config  # type: ignore[arg-type]
    assert config.http is Guarded


@pytest.mark.parametrize(("proxies", "counted"), [("", "127.0.0.1"), ("127.0.0.1", "192.0.2.7")])
def test_who_asks_is_what_a_trusted_proxy_says_and_nobody_else(proxies: str, counted: str) -> None:
    seen: list[str] = []

    async def notes(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    config = configured(notes, Settings(trusted_proxies=proxies)).config  # type: ignore[arg-type]
    config.load()
    headers = [(b"x-forwarded-for", b"192.0.2.7")]
    asyncio.run(config.loaded_app({"type": "http", "client": ("127.0.0.1", 1), "headers": headers}, None, None))
    assert seen == [counted]
