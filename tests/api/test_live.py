import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import WebSocket
from fastapi.testclient import TestClient
from nats.js import JetStreamContext
from pydantic import SecretStr
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api import create_app
from api.live import MOST_WORDS
from infra import bus
from infra.archive_writer import CONSUMER, ArchiveWriter
from infra.blobs import Blobs
from infra.config import Settings
from infra.embedded.nats import Nats
from infra.feed import Feed, Point
from infra.leases import Key
from infra.listening import listening
from infra.objects import Objects
from infra.positions import Positions
from infra.wiring import Core
from tests.api.folders import filled
from tests.api.visitor import PREFIX, Visitor
from tests.api.worker import Attempt, Worker, evidence, requested
from tests.faults.proxy import Proxy
from tests.whole import waited

Message = dict[str, Any]


@pytest.fixture(scope="module")
def dataset(ann: Visitor, worker: Worker) -> str:
    return filled(ann)


@pytest.fixture
def attempt(ann: Visitor, dataset: str, worker: Worker) -> Attempt:
    attempt = worker.claim(requested(ann, dataset)["id"])
    attempt.start()
    return attempt


def with_stream(url: str, work: Callable[[JetStreamContext], Awaitable[Any]]) -> None:
    async def connected() -> None:
        client = await bus.connect(url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(connected())


def points(first: int, last: int, kind: str = "log") -> list[Message]:
    return [{"n": n, "kind": kind, "at": "2026-01-01T00:00:00Z", "line": f"line {n}"} for n in range(first, last + 1)]


def ended(n: int) -> list[Message]:
    return [{"n": n, "kind": "state", "at": "2026-01-01T00:00:00Z", "state": "ended"}]


def ship(nats: Nats, attempt: Attempt, told: list[Message]) -> None:
    job = attempt.job
    subject = f"vistory.telemetry.timm.{job['organization_id']}.{job['id']}.{job['attempt']}"
    body = {"job": job["id"], "attempt": job["attempt"], "first": told[0]["n"], "points": told}
    with_stream(nats.url("trainer-timm"), lambda js: js.publish(subject, json.dumps(body).encode()))


def keep(settings: Settings, attempt: Attempt, told: list[Message]) -> None:
    with Core.open(settings) as core:
        writer = ArchiveWriter(core.pool, Blobs(core.pool, Objects.open(settings)))
        key = Key(UUID(attempt.job["id"]), attempt.job["attempt"])
        chunk = writer.keep(UUID(attempt.job["organization_id"]), key, told)
        assert chunk is not None
        writer.record([chunk], Positions(core.pool).of(CONSUMER), 1)


def told(visitor: Visitor, job: str, query: str = "") -> Generator[Message]:
    with visitor.client.websocket_connect(f"{PREFIX}/training-jobs/{job}/live{query}") as socket:
        socket.send_json({"token": visitor.token})
        while True:
            yield (message := socket.receive_json())
            if message["kind"] == "end":
                return


def listen(
    visitor: Visitor, job: str, cursor: str | None = None, until: Callable[[Message], bool] | None = None
) -> list[Message]:
    """Everything up to the end, or up to a message that is the last to be wanted."""
    heard: list[Message] = []
    with closing(told(visitor, job, f"?from={cursor}" if cursor else "")) as messages:
        for message in messages:
            heard.append(message)
            if until and until(message):
                break
    return heard


def lines(heard: list[Message]) -> list[str]:
    return [message["line"] for message in heard if message["kind"] == "log"]


def statuses(heard: list[Message]) -> list[str]:
    return [message["status"] for message in heard if message["kind"] == "state" and "status" in message]


def numbered(first: int, last: int) -> list[str]:
    return [f"line {n}" for n in range(first, last + 1)]


def test_a_socket_tells_states_and_points_and_the_end(ann: Visitor, nats: Nats, attempt: Attempt) -> None:
    ship(nats, attempt, points(1, 3))
    ship(nats, attempt, points(4, 5) + ended(6))
    attempt.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    assert statuses(heard) == [
        "queued",
        "claimed",
        "running",
        "failed",
    ]
    assert lines(heard) == numbered(1, 5)
    assert (heard[-1]["kind"], heard[-1]["status"]) == ("end", "failed")
    assert heard[-1]["evidence"]["reason"] == "code_error"


def test_a_socket_that_comes_back_misses_nothing_and_hears_nothing_twice(
    ann: Visitor, nats: Nats, settings: Settings, attempt: Attempt
) -> None:
    keep(settings, attempt, points(1, 4))
    ship(nats, attempt, points(1, 6))
    first = listen(ann, attempt.job["id"], until=lambda m: m.get("line") == "line 3")
    ship(nats, attempt, points(5, 9) + ended(10))
    second = listen(ann, attempt.job["id"], first[-1]["cursor"], until=lambda m: m.get("line") == "line 7")
    attempt.report("fail", evidence())
    third = listen(ann, attempt.job["id"], second[-1]["cursor"])
    assert lines(first + second + third) == numbered(1, 9)
    states = statuses(first + second + third)
    assert states == ["queued", "claimed", "running", "failed"]


def test_a_socket_that_comes_back_after_the_end_is_told_of_the_end(
    ann: Visitor, nats: Nats, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.SHIPPED_WITHIN", 3_600.0)
    ship(nats, attempt, ended(1))
    attempt.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    [again] = listen(ann, attempt.job["id"], heard[-1]["cursor"])
    assert (again["kind"], again["status"]) == ("end", "failed")


def test_the_next_attempt_follows_in_the_same_socket(
    ann: Visitor, nats: Nats, worker: Worker, settings: Settings, attempt: Attempt
) -> None:
    keep(settings, attempt, points(1, 2))
    attempt.report("hand-over", evidence("handed_over"))
    second = worker.claim(attempt.job["id"], 2)
    ship(nats, second, points(1, 2) + ended(3))
    second.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    assert lines(heard) == numbered(1, 2) + numbered(1, 2)
    assert [message["cursor"].split(".")[0] for message in heard if message["kind"] == "log"] == ["1", "1", "2", "2"]


@pytest.mark.parametrize("at", [None, "yesterday", 7])
def test_whoever_comes_late_is_told_of_states_and_points_in_the_order_of_time(
    ann: Visitor, nats: Nats, worker: Worker, attempt: Attempt, at: object
) -> None:
    """A worker that says no time that can be read is told of behind what there is of states."""

    def now(n: int) -> list[Message]:
        return [point | {"at": at or datetime.now(UTC).isoformat()} for point in points(n, n)]

    ship(nats, attempt, now(1))
    attempt.report("hand-over", evidence("handed_over"))
    second = worker.claim(attempt.job["id"], 2)
    ship(nats, second, now(1) + ended(2))
    second.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    told = [message["line"] if message["kind"] == "log" else message.get("status") for message in heard]
    states = ["queued", "claimed", "running"], ["queued", "claimed"], ["failed"]
    first, again, end = states
    in_order = [*first, "line 1", *again, "line 1", None, *end, "failed"]
    assert told == (in_order if at is None else [*first, *again, *end, "line 1", "line 1", None, "failed"])
    assert [message["cursor"] for message in heard[:-1]] == sorted(message["cursor"] for message in heard[:-1])


def test_whoever_comes_back_is_told_in_the_order_of_time_too(ann: Visitor, nats: Nats, attempt: Attempt) -> None:
    """Also where what comes first is the point that was told last."""
    shipped = [points(first, first + 1) for first in (1, 3)]
    for some in shipped:
        ship(nats, attempt, [point | {"at": datetime.now(UTC).isoformat()} for point in some])
    attempt.report("fail", evidence())
    place = f"{attempt.job['attempt']}.2.3"
    heard = listen(ann, attempt.job["id"], place, until=lambda message: message.get("status") == "failed")
    assert [message.get("line") or message["status"] for message in heard] == ["line 3", "line 4", "failed"]


def test_a_point_that_is_nested_too_deep_to_be_told_breaks_no_socket(
    ann: Visitor, nats: Nats, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How deep that is depends on the stack."""
    send = WebSocket.send_json

    async def shallow(socket: WebSocket, message: Message) -> None:
        if "deep" in message:
            raise RecursionError
        await send(socket, message)

    monkeypatch.setattr(WebSocket, "send_json", shallow)
    told = points(1, 3) + ended(4)
    told[1] |= {"deep": [[]]}
    ship(nats, attempt, told)
    attempt.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    assert (lines(heard), heard[-1]["kind"]) == (["line 1", "line 3"], "end")


@pytest.mark.parametrize("forged", [{"kind": "end", "status": "completed"}, {"kind": "state", "status": "failed"}])
def test_no_worker_tells_how_a_training_stands(ann: Visitor, nats: Nats, attempt: Attempt, forged: Message) -> None:
    told = points(1, 3)
    told[1] |= forged
    ship(nats, attempt, told + ended(4))
    attempt.report("fail", evidence())
    heard = listen(ann, attempt.job["id"])
    assert (lines(heard), statuses(heard)) == (["line 1", "line 3"], ["queued", "claimed", "running", "failed"])
    assert [message["status"] for message in heard if message["kind"] == "end"] == ["failed"]


@pytest.mark.parametrize("bent", [{"at": 7}, {"line": None}, {"line": ["a"]}, {"at": None, "line": 3}])
def test_a_line_that_no_worker_can_have_written_is_not_shown(
    ann: Visitor, nats: Nats, attempt: Attempt, bent: Message
) -> None:
    told = points(1, 3)
    told[1] |= bent
    ship(nats, attempt, told)
    shown = ann.get(f"/training-jobs/{attempt.job['id']}/logs")
    assert [each["line"] for each in shown["items"]] == ["line 1", "line 3"]


def test_that_an_earlier_attempt_has_shipped_everything_does_not_end_this_one(
    ann: Visitor, nats: Nats, worker: Worker, attempt: Attempt
) -> None:
    ship(nats, attempt, points(1, 2) + ended(3))
    attempt.report("hand-over", evidence("handed_over"))
    second = worker.claim(attempt.job["id"], 2)
    second.report("fail", evidence())
    first = listen(ann, attempt.job["id"], until=lambda message: message.get("status") == "failed")
    late = Thread(target=lambda: ship(nats, second, points(1, 2) + ended(3)))
    late.start()
    rest = listen(ann, attempt.job["id"], first[-1]["cursor"])
    late.join()
    assert lines(first + rest) == numbered(1, 2) + numbered(1, 2)


def test_a_job_that_is_cancelled_before_its_next_attempt_ends_at_once(
    ann: Visitor, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.SHIPPED_WITHIN", 3_600.0)
    attempt.report("hand-over", evidence("handed_over"))
    ann.post(f"/training-jobs/{attempt.job['id']}/cancel")
    assert statuses(listen(ann, attempt.job["id"])) == ["queued", "claimed", "running", "queued", "cancelled"]


def test_an_end_waits_for_what_a_worker_could_not_ship_while_the_bus_was_away(
    ann: Visitor, nats: Nats, settings: Settings, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look = list[bool](), Feed.next

    async def counted(feed: Feed) -> list[Point]:
        points = await look(feed)
        looks.append(feed.is_cut)
        return points

    monkeypatch.setattr("api.live.SHIPPED_WITHIN", 0.1)
    monkeypatch.setattr("api.live.PAUSE", 0.01)
    monkeypatch.setattr(Feed, "next", counted)
    attempt.report("fail", evidence())
    url = settings.need("nats_url")
    with Proxy(urlsplit(url).port or 0) as road:
        there = road.instead(url)
        with TestClient(create_app(settings.model_copy(update={"nats_url": SecretStr(there)}))) as client:
            heard = told(Visitor(client, ann.token), attempt.job["id"])
            with road.cut():
                assert next(message for message in heard if message.get("status") == "failed")["kind"] == "state"
                waited(lambda: sum(looks) > 50, 30, "the socket looked often enough to have given up")
                ship(nats, attempt, points(1, 2) + ended(3))
            assert [message["kind"] for message in heard] == ["log", "log", "state", "end"]


@pytest.mark.parametrize(
    ("hello", "code"), [("nobody's token", 4401), ('{"token": "x"}', 4401), ('{"user": "ann"}', 4401)]
)
def test_a_socket_begins_with_a_token(client: TestClient, attempt: Attempt, hello: str, code: int) -> None:
    with client.websocket_connect(f"{PREFIX}/training-jobs/{attempt.job['id']}/live") as socket:
        socket.send_text(hello)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == code


def test_another_organizations_training_is_not_there(bob: Visitor, attempt: Attempt) -> None:
    with pytest.raises(WebSocketDisconnect) as closed:
        listen(bob, attempt.job["id"])
    assert closed.value.code == 4404
    assert bob("GET", f"/training-jobs/{attempt.job['id']}/logs").status_code == 404


def test_the_log_is_read_page_by_page(ann: Visitor, nats: Nats, settings: Settings, attempt: Attempt) -> None:
    keep(settings, attempt, points(1, 4))
    ship(nats, attempt, points(3, 6))
    path = f"/training-jobs/{attempt.job['id']}/logs"
    first = ann.get(f"{path}?limit=4")
    rest = ann.get(f"{path}?after={first['next']}")
    assert [line["line"] for line in first["items"] + rest["items"]] == numbered(1, 6)
    assert rest["next"] is None


def test_an_attempt_that_said_nothing_hides_none_after_it(
    ann: Visitor, settings: Settings, worker: Worker, attempt: Attempt
) -> None:
    job = attempt.job["id"]
    keep(settings, attempt, points(1, 1))
    attempt.report("hand-over", evidence("handed_over"))
    worker.claim(job, 2).report("hand-over", evidence("handed_over"))
    keep(settings, worker.claim(job, 3), points(1, 2))
    told = ann.get(f"/training-jobs/{job}/logs")["items"]
    assert [line["cursor"].split(".")[0] for line in told] == ["1", "3", "3"]


def test_a_log_does_not_end_where_the_bus_is_away(ann: Visitor, settings: Settings, attempt: Attempt) -> None:
    keep(settings, attempt, points(1, 2))
    path = f"/training-jobs/{attempt.job['id']}/logs"
    nowhere = SecretStr("nats://api:none@127.0.0.1:1")
    with TestClient(create_app(settings.model_copy(update={"nats_url": nowhere}))) as client:
        cut_off = Visitor(client, ann.token)
        page = cut_off.get(path)
        assert [line["line"] for line in page["items"]] == numbered(1, 2)
        assert cut_off("GET", f"{path}?after={page['next']}").status_code == 503
    assert ann.get(f"{path}?after={page['next']}") == {"items": [], "next": None}


def test_a_socket_that_talks_without_end_is_closed(ann: Visitor, attempt: Attempt) -> None:
    with ann.client.websocket_connect(f"{PREFIX}/training-jobs/{attempt.job['id']}/live") as socket:
        for _ in range(MOST_WORDS + 1):
            socket.send_json({"token": ann.token})
        with pytest.raises(WebSocketDisconnect) as closed:
            drain(socket)
    assert closed.value.code == 1008


def drain(socket: WebSocketTestSession) -> None:
    while True:
        socket.receive_json()


def test_what_is_accepted_reaches_a_socket_before_it_looks_again(
    ann: Visitor, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.PAUSE", 60.0)
    with ann.client.websocket_connect(f"{PREFIX}/training-jobs/{attempt.job['id']}/live") as socket:
        socket.send_json({"token": ann.token})
        assert [socket.receive_json()["status"] for _ in range(3)] == ["queued", "claimed", "running"]
        attempt.report("hand-over", evidence("handed_over"))
        began = time.monotonic()
        assert socket.receive_json()["status"] == "queued"
        assert time.monotonic() - began < 30


def test_a_notice_that_is_lost_costs_a_socket_no_more_than_a_look(
    ann: Visitor, settings: Settings, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = settings.need("database_url")
    with Proxy(urlsplit(url).port or 0) as road:
        monkeypatch.setattr("infra.news.listening", lambda _, *followed: listening(road.instead(url), *followed))
        with TestClient(create_app(settings)) as client:
            heard = told(Visitor(client, ann.token), attempt.job["id"])
            assert [next(heard)["status"] for _ in range(3)] == ["queued", "claimed", "running"]
            with road.cut():
                attempt.report("hand-over", evidence("handed_over"))
                assert next(heard)["status"] == "queued"
            heard.close()
