"""What a look at a platform asks for, and how it says what it found: no server is needed here."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from infra.checkup import CHECKS, Finding, Place, State, examine
from infra.checkup.ground import environments
from infra.checkup.ledger import judged
from infra.checkup.others import objects
from infra.standing import Standing
from infra.streams import EVENTS

Tell = Callable[..., Place]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """A data folder whose processes were told this."""
    (tmp_path / "run").mkdir()

    def tell(**processes: Any) -> Place:
        for process, told in processes.items():
            (tmp_path / "run" / f"{process.replace('_', '-')}.json").write_text(json.dumps(told))
        return Place(tmp_path)

    return tell


def test_only_what_runs_here_needs_an_environment_here(tell: Tell, tmp_path: Path) -> None:
    elsewhere = {"mlflow_url": "http://mlflow:5000"}
    timm = {"environments": str(tmp_path / "none")}
    assert missing(tell(cli=elsewhere, ports={"mlflow": 5000})) == []
    assert missing(tell(trainer_timm=timm)) == ["environment timm"]
    place = tell(cli={"mlflow_url": "http://127.0.0.1:5000"})
    assert missing(place) == ["environment mlflow", "environment timm"]


def missing(place: Place) -> list[str]:
    return [found.part for found in environments(place) if found.state is State.WRONG]


class Away(BaseHTTPRequestHandler):
    """An object store that notes how it is asked, and answers nothing good."""

    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def away() -> Iterator[tuple[str, list[str]]]:
    class Noting(Away):
        asked: ClassVar[list[str]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Noting.asked
        server.shutdown()
        thread.join()


def test_the_object_store_is_asked_once_and_in_its_own_region(tell: Tell, away: tuple[str, list[str]]) -> None:
    url, asked = away
    told = {"s3_url": url, "s3_bucket": "b", "s3_region": "elsewhere-1", "s3_access_key": "a", "s3_secret_key": "s"}
    (found,) = objects(tell(cli=told))
    assert found.state is State.OFF
    assert len(asked) == 1
    assert "/elsewhere-1/s3/" in asked[0]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("first\nsecond"), "it could not be examined: ValueError: first"),
        (AssertionError(), "it could not be examined: AssertionError"),
    ],
)
def test_a_part_that_cannot_be_examined_says_so_in_a_sentence(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def broken(place: Place) -> Iterator[Finding]:
        raise error
        yield

    monkeypatch.setattr("infra.checkup.CHECKS", (("moon", broken), *CHECKS[:1]))
    assert examine(tell())[0].says == says


@pytest.mark.parametrize(
    ("stopped", "do"),
    [
        ("message 3 on the stream is foreign: run `vistory stream rebuild`", "stream rebuild"),
        ("insufficient resources (10023)", "free some of the disk"),
        ("code=400 err_code=10002 description='resource limits exceeded for account'", "may store in JetStream"),
    ],
)
def test_only_a_stream_that_differs_is_made_anew(stopped: str, do: str) -> None:
    relay = Standing("relay", EVENTS, position=2, stopped=stopped, head=3, seconds=1.0)
    assert do in judged(relay, up=True).do
