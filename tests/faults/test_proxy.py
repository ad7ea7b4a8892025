"""The road itself: what is done to it is felt by whoever uses it, and ends."""

import socket
import time
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from tests.faults.proxy import HOST, Proxy


class Echo(BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def road() -> Iterator[Proxy]:
    with EchoServer((HOST, 0), Echo) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        with Proxy(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()


def connected(road: Proxy) -> socket.socket:
    return socket.create_connection((HOST, road.port), timeout=5)


def echoed(line: socket.socket, data: bytes) -> bytes:
    line.sendall(data)
    found = b""
    while len(found) < len(data):
        found += line.recv(65536)
    return found


def is_dead(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except ConnectionError:
        return True


def test_what_is_sent_arrives_and_comes_back(road: Proxy) -> None:
    with connected(road) as line:
        assert echoed(line, b"x" * 200_000) == b"x" * 200_000


def test_a_road_that_is_cut_ends_what_is_on_it_and_lets_nobody_in(road: Proxy) -> None:
    with connected(road) as line:
        assert echoed(line, b"x") == b"x"
        with road.cut():
            assert road.severed == 1, "what was under way was cut off once"
            assert is_dead(line)
            with connected(road) as other:
                assert is_dead(other)
    with connected(road) as line:
        assert echoed(line, b"y") == b"y"


def test_on_a_silent_road_nothing_arrives_until_it_is_over(road: Proxy) -> None:
    with connected(road) as line:
        with road.silent():
            line.sendall(b"x")
            line.settimeout(0.3)
            with pytest.raises(TimeoutError):
                line.recv(1)
            line.settimeout(5)
        assert line.recv(1) == b"x"


def test_a_slow_road_carries_so_many_bytes_a_second(road: Proxy) -> None:
    with connected(road) as line, road.slow(20_000):
        begun = time.monotonic()
        assert echoed(line, b"x" * 20_000) == b"x" * 20_000
        assert time.monotonic() - begun > 0.9


def test_connections_that_are_severed_can_be_made_again_at_once(road: Proxy) -> None:
    with connected(road) as line:
        assert echoed(line, b"x") == b"x"
        road.sever()
        assert road.severed == 1
        assert is_dead(line)
    with connected(road) as line:
        assert echoed(line, b"y") == b"y"


def test_whatever_is_asked_of_a_refusing_road_is_a_mistake(road: Proxy) -> None:
    with road.refusing(), connected(road) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 400 ")
