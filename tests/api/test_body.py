"""A body is held in memory until it is whole: how much of it, of whom, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.types import Message

from api import body
from api.body import LONGEST_OF_A_STRANGER, GuardedBody
from api.limits import Seats
from infra.names import PREFIX
from tests.api.visitor import Visitor

ANN, BEN = UUID(int=1), UUID(int=2)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def coming(*pieces: bytes, every: float = 0.0) -> Any:
    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(every)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive


def who(id: UUID) -> Callable[[], Awaitable[UUID]]:
    async def known() -> UUID:
        return id

    return known


async def read(of: GuardedBody) -> int:
    length = 0
    while (message := await of()).get("more_body"):
        length += len(message["body"])
    return length + len(message["body"])


def refused(of: GuardedBody) -> HTTPException:
    with pytest.raises(HTTPException) as refusal:
        asyncio.run(read(of))
    return refusal.value


def test_whoever_holds_a_request_back_is_hung_up_on(held: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "GRACE", 0.2)
    slow = GuardedBody(coming(*[b"x"] * 100, every=0.05), "100", who(ANN), Seats(1), held)
    refusal = refused(slow)
    assert refusal.status_code == 408
    assert dict(refusal.headers or {})["Connection"] == "close"


def test_a_slow_line_has_the_time_that_its_length_takes(held: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "GRACE", 0.2)
    monkeypatch.setattr(body, "SLOWEST", 10_000)
    steady = GuardedBody(coming(*[b"x" * 1_000] * 10, every=0.05), "10000", who(ANN), Seats(1), held)
    assert asyncio.run(read(steady)) == 10_000


def test_after_the_last_word_nobody_is_hurried(held: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that takes long is watched for whoever hangs up, by the same means."""
    monkeypatch.setattr(body, "GRACE", 0.1)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"all of it"}

    async def hangs_up_late() -> Message:
        await asyncio.sleep(0.3)
        return {"type": "http.disconnect"}

    async def story() -> str:
        request = GuardedBody(receive, "9", who(ANN), Seats(1), held)
        await request()
        request._receive = hangs_up_late
        return str((await request())["type"])

    assert asyncio.run(story()) == "http.disconnect"


def test_only_so_many_long_requests_of_one_account_are_held_at_once(held: ExitStack) -> None:
    seats, long = Seats(1), b"x" * (LONGEST_OF_A_STRANGER + 1)
    assert asyncio.run(read(GuardedBody(coming(long), "", who(ANN), seats, held)))
    refusal = refused(GuardedBody(coming(long), "", who(ANN), seats, ExitStack()))
    assert (refusal.status_code, "Retry-After" in dict(refusal.headers or {})) == (429, True)
    assert asyncio.run(read(GuardedBody(coming(long), "", who(BEN), seats, held)))
    held.close()
    assert asyncio.run(read(GuardedBody(coming(long), "", who(ANN), seats, held)))


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("token", ["", "Bearer nonsense"])
def test_a_long_request_of_a_stranger_is_refused(client: TestClient, declared: bool, token: str) -> None:
    pieces = [b" " * (LONGEST_OF_A_STRANGER // 2)] * 4
    content = b"".join(pieces) if declared else iter(pieces)
    headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
    answer = client.post(f"{PREFIX}/projects", content=content, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("declared", "taken"), [("", 3), (str(LONGEST_OF_A_STRANGER + 1), 0)])
def test_of_a_long_request_of_a_stranger_no_more_is_read_than_shows_that_it_is_long(
    held: ExitStack, declared: str, taken: int
) -> None:
    pieces = [b" " * (LONGEST_OF_A_STRANGER // 2)] * 9
    left = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

    async def nobody() -> str:
        raise HTTPException(401)

    assert refused(GuardedBody(receive, declared, nobody, Seats(1), held)).status_code == 401
    assert len(pieces) - len(left) == taken


def test_whoever_is_signed_in_may_send_a_long_one(ann: Visitor, client: TestClient) -> None:
    content = b'{"name": "' + b"x" * (2 * LONGEST_OF_A_STRANGER) + b'"}'
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
    assert client.post(f"{PREFIX}/projects", content=content, headers=headers).status_code == 422
