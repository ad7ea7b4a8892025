"""The API as it is served at a port: what clients do to it on lines and sockets costs the others nothing."""

import json
import os
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import httpx2
import pytest
from websockets.sync.client import ClientConnection, connect

from api.body import GRACE
from api.limits import SOCKETS_WITHOUT_A_TOKEN
from api.protocol import MOST_LINES, Guarded
from api.server import Announced
from infra.config import Settings
from tests.api.at_port import at_port, begin_socket, frame, limits_of, line_to, port_of
from tests.api.folders import filled
from tests.api.test_live import keep
from tests.api.visitor import PREFIX, Visitor
from tests.api.worker import Attempt, Worker, evidence, requested
from tests.whole import waited

Ask = Callable[[Announced, Visitor, str], AbstractContextManager[socket.socket]]
LINES = 4_000  # of 2,000 characters: more than what the system holds of them by itself
LONGEST = 64 * 1024
MANY = 2_000


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Announced]:
    with at_port(settings) as server:
        yield server


@pytest.fixture(scope="module")
def dataset(ann: Visitor, worker: Worker) -> str:
    return filled(ann)


@pytest.fixture
def attempt(ann: Visitor, dataset: str, worker: Worker) -> Attempt:
    return worker.claim(requested(ann, dataset)["id"])


@pytest.fixture(scope="module")
def long_log(ann: Visitor, dataset: str, worker: Worker, settings: Settings) -> str:
    attempt = worker.claim(requested(ann, dataset)["id"])
    attempt.start()
    said = {"kind": "log", "at": "2026-01-01T00:00:00Z", "line": "x" * 2_000}
    keep(settings, attempt, [said | {"n": n} for n in range(1, LINES + 1)])
    return str(attempt.job["id"])


def test_patience_is_that_with_a_body_that_comes_slowly(server: Announced) -> None:
    assert server.unread.patience == GRACE


@contextmanager
def asked(server: Announced, ann: Visitor, job: str) -> Iterator[socket.socket]:
    """For the whole log, on a line that nobody reads yet."""
    with line_to(server) as line:
        path = f"{PREFIX}/training-jobs/{job}/logs?limit={LINES}"
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n\r\n".encode())
        yield line


@contextmanager
def listening(server: Announced, ann: Visitor, job: str) -> Iterator[socket.socket]:
    """To all that is said, on a socket that nobody reads yet."""
    with line_to(server) as line:
        assert begin_socket(line, f"{PREFIX}/training-jobs/{job}/live") == 101
        line.sendall(frame(json.dumps({"token": ann.token}).encode()))
        yield line


def left(server: Announced) -> int:
    """Bytes in the memory of the API that nobody has taken."""
    return sum(line.transport.get_write_buffer_size() for line in list(server.server_state.connections))


def lines(server: Announced) -> set[str]:
    """What this process has open for those who ask."""
    numbers = [line.transport.get_extra_info("socket").fileno() for line in list(server.server_state.connections)]
    return {os.readlink(f"/proc/self/fd/{number}") for number in numbers}


def opened() -> set[str]:
    """Whatever this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def gone(server: Announced) -> bool:
    return not server.server_state.connections and not server.server_state.tasks


@pytest.mark.parametrize(("ask", "at_once"), [(asked, 0), (listening, 0), (asked, 10)])
def test_who_does_not_read_is_hung_up_on_and_costs_nothing_any_more(
    ask: Ask, at_once: int, server: Announced, ann: Visitor, long_log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.unread, "patience", 0.2)
    with ask(server, ann, long_log) as line:
        waited(lambda: left(server) > 50_000, 30, "the API has more to say than the system takes")
        (held,) = lines(server)
        (transport,) = [each.transport for each in server.server_state.connections]
        until = time.monotonic() + 30
        while not gone(server):
            assert time.monotonic() < until
            assert at_once == 0 or line.recv(at_once)
            time.sleep(0.02)
        assert transport.get_write_buffer_size() == 0
        assert held not in opened()
        assert limits_of(server).sockets._taken == {}


def test_who_reads_slowly_is_answered_to_the_end(
    server: Announced, ann: Visitor, long_log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.unread, "patience", 0.7)
    with asked(server, ann, long_log) as line:
        waited(lambda: left(server) > 50_000, 30, "the API has more to say than the system takes")
        until, came = time.monotonic() + 2, 0
        while time.monotonic() < until:
            came += len(line.recv(16_384))
            assert left(server)
            time.sleep(0.05)
        while more := came < LINES * 2_000 and len(line.recv(2**20)):
            came += more
    assert came >= LINES * 2_000
    waited(lambda: gone(server), 30, "nobody is there any more")


def path_of(attempt: Attempt) -> str:
    return f"{PREFIX}/training-jobs/{attempt.job['id']}/live"


@contextmanager
def heard(server: Announced, ann: Visitor, attempt: Attempt, address: str = "127.0.0.1") -> Iterator[ClientConnection]:
    """Somebody who listens to a training, and has heard all that has happened."""
    url = f"ws://127.0.0.1:{port_of(server)}{path_of(attempt)}"
    with connect(url, source_address=(address, 0), proxy=None) as listener:
        listener.send(json.dumps({"token": ann.token}))
        assert [said(listener)["status"] for _ in range(2)] == ["queued", "claimed"]
        yield listener


def said(listener: ClientConnection) -> Any:
    return json.loads(listener.recv(timeout=30))


TOO_LONG = {
    "a frame": frame(b"x" * (LONGEST + 1)),
    "one that says it will be": frame(b"", claimed=2**40),
    "a message in many frames": frame(b"x" * LONGEST, 0x01) + frame(b"x", 0x80),
}


@pytest.mark.parametrize("words", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_socket_that_says_too_much_at_once_is_closed_and_the_others_go_on(
    words: bytes, server: Announced, ann: Visitor, attempt: Attempt
) -> None:
    with heard(server, ann, attempt) as other, line_to(server) as line:
        assert begin_socket(line, path_of(attempt)) == 101
        line.sendall(words)
        assert closed_with(line) == 1009
        assert line.recv(1) == b""
        attempt.report("hand-over", evidence("handed_over"))
        assert said(other)["status"] == "queued"


def closed_with(line: socket.socket) -> int:
    opcode, _, code = struct.unpack_from(">BBH", line.recv(65_536))
    assert opcode == 0x88
    return int(code)


@pytest.mark.parametrize("words", [b"\x00\xff", b'{"token": "x"}', b""], ids=["bytes", "text", "nothing"])
def test_a_socket_that_says_its_token_in_a_binary_frame_is_closed_and_the_others_go_on(
    words: bytes, server: Announced, ann: Visitor, attempt: Attempt
) -> None:
    with heard(server, ann, attempt) as other, line_to(server) as line:
        assert begin_socket(line, path_of(attempt)) == 101
        line.sendall(frame(words, 0x82))
        assert closed_with(line) == 4401
        attempt.report("hand-over", evidence("handed_over"))
        assert said(other)["status"] == "queued"


def test_a_socket_that_says_as_much_as_it_may_is_heard(server: Announced, attempt: Attempt) -> None:
    with line_to(server) as line:
        assert begin_socket(line, path_of(attempt)) == 101
        line.sendall(frame(b"x" * LONGEST))
        assert closed_with(line) == 4401


def test_who_leaves_before_the_refusal_is_no_fault(
    server: Announced, ann: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    with line_to(server) as line:
        assert begin_socket(line, f"{PREFIX}/training-jobs/{ann.id}/live") == 101
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(frame(json.dumps({"token": ann.token}).encode()))
    waited(lambda: gone(server), 30, "the application has done with it")
    assert [each.getMessage() for each in caplog.records if each.name == "uvicorn.error"] == []


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of every line are this process'."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * MANY)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_whoever_opens_two_thousand_sockets_has_some_of_them_and_others_are_served_meanwhile(
    server: Announced, ann: Visitor, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long it takes here to open them.
    monkeypatch.setattr("api.live.TOKEN_WITHIN", 60.0)
    monkeypatch.setattr(Guarded, "head_within", 60.0)
    before = len(os.listdir("/proc/self/fd"))
    with heard(server, ann, attempt, "127.0.0.2") as other, ExitStack() as stack:
        lines = [stack.enter_context(line_to(server)) for _ in range(MANY)]
        answers = [begin_socket(line, path_of(attempt)) for line in lines]
        assert (answers.count(101), answers.count(0)) == (MOST_LINES, MANY - MOST_LINES)
        assert max(limits_of(server).strangers._taken.values()) == SOCKETS_WITHOUT_A_TOKEN
        attempt.report("hand-over", evidence("handed_over"))
        assert said(other)["status"] == "queued"
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address="127.0.0.2"), trust_env=False) as elsewhere:
            assert elsewhere.get(f"http://127.0.0.1:{port_of(server)}/health").status_code == 200
    waited(lambda: gone(server), 30, "all of them are gone")
    assert (limits_of(server).strangers._taken, limits_of(server).sockets._taken) == ({}, {})
    assert len(os.listdir("/proc/self/fd")) < before + 20
