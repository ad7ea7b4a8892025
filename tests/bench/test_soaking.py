"""A soak fails where anything was answered wrongly; that the platform asks for a pause is no failure."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import psutil
import pytest

from bench.growth import Sample, Series
from bench.soaking import Soak, sample, told
from cli import patience
from cli.client import Api
from cli.platform import Platform
from tests.whole import waited


class Scripted(BaseHTTPRequestHandler):
    """`/api/v1/503/0` is answered with 503 and asks to wait for 0 s; `/api/v1/503/0/once` so for the first time."""

    def do_GET(self) -> None:
        status, wait, once = (*self.path.removeprefix("/api/v1/").split("/"), "", "")[:3]
        is_over = once and self.path in self.server.__dict__.setdefault("told", [])
        self.server.__dict__.setdefault("told", []).append(self.path)
        self.send_response(200 if is_over else int(status))
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        with Api(f"http://127.0.0.1:{server.server_port}") as api:
            yield api
        server.shutdown()
        serving.join()


@pytest.fixture
def soak(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Soak:
    monkeypatch.setattr(patience, "PAUSES", (0.0,))
    soak = Soak(cast(Platform, None), tmp_path)
    soak.series["a"] = Series("a", [Sample(n * 5.0, 10.0, 5) for n in range(20)])
    soak.answers.watch(api)
    return soak


@pytest.mark.parametrize(
    ("path", "failures", "waits"),
    [
        ("/200", {}, 0),
        ("/500", {"GET answered with 500": 1}, 0),
        ("/404", {"GET answered with 404": 1}, 0),
        ("/503", {"GET answered with 503": 2, "queries: Problem": 1}, 0),
        ("/503/0", {"queries: Problem": 1}, 2),
        ("/429/0", {"queries: Problem": 1}, 2),
        ("/503/0/once", {}, 1),
        ("/429/0/once", {}, 1),
    ],
)
def test_an_error_fails_a_soak_and_a_request_to_wait_that_was_worth_it_does_not(
    soak: Soak, api: Api, path: str, failures: dict[str, int], waits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    soak._once("queries", lambda api: api.get(path), api)
    assert (soak.answers.failures, soak.answers.waits) == (failures, waits)
    assert told(soak, 60.0, 0, []) is not bool(failures)
    said = capsys.readouterr().out
    assert all(f"{kind} ({count})" in said for kind, count in failures.items())


def test_a_follower_that_breaks_and_a_training_that_fails_are_failures(soak: Soak, api: Api) -> None:
    def follow(api: Api) -> None:
        raise ConnectionAbortedError

    soak._over.set()
    soak._once("trainings", follow, api)
    soak.answers.end("failed")
    soak.answers.end("completed")
    assert soak.answers.failures == {"trainings: ConnectionAbortedError": 1, "training failed": 1}
    assert not told(soak, 60.0, 0, [])


def test_postgresql_is_measured_with_all_its_processes() -> None:
    words = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE) as running:
        head = psutil.Process(running.pid)
        waited(head.children, 30, "a process of its own")
        alone, whole = sample(0.0, "api", head), sample(0.0, "postgres", head)
        once = sum(each.memory_info().rss - each.memory_info().shared for each in (head, *head.children())) / 2**20
        running.communicate(b"\n")
    assert whole.files > alone.files
    assert whole.mib == pytest.approx(once, rel=0.2)
