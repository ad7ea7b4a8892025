"""What is wrong with an answer is found however well the next one is: the API is a double that gives each in turn."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from infra.names import PROBLEM
from tests.faults.doors import SHUT_OUT, Door, Judge

NOW, LATER = httpx.Response(200), {"Retry-After": "1"}


def token(good_for: float) -> str:
    claims = urlsafe_b64encode(json.dumps({"exp": time.time() + good_for}).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"


def refused(kind: str = "unauthenticated") -> httpx.Response:
    return httpx.Response(401, json={"type": f"{PROBLEM}{kind}"}, headers={"Content-Type": "application/problem+json"})


@contextmanager
def door(answers: Sequence[httpx.Response], judge: Judge, *tokens: str) -> Iterator[Door]:
    """With the first of these tokens; the others are what it is given when it asks, and in the end nothing."""
    renewed, given = iter(tokens[1:]), iter(answers)
    made = Door("http://127.0.0.1:9", tokens[0], lambda: next(renewed, ""), judge)
    made._client.close()
    made._client = httpx.Client(transport=httpx.MockTransport(lambda _: next(given)), base_url="http://api")
    try:
        yield made
    finally:
        made.close()


def asked(answers: Sequence[httpx.Response], judge: Judge, *tokens: str) -> list[int | None]:
    with door(answers, judge, *tokens) as made:
        told = [made.ask("GET", "/projects", {}) for _ in answers]
    return [None if answer is None else answer.status_code for answer in told]


@pytest.mark.parametrize(
    ("answer", "is_wrong"),
    [
        (httpx.Response(503, headers=LATER), False),
        (httpx.Response(503), True),
        (httpx.Response(429, headers=LATER), False),
        (httpx.Response(429), True),
        (httpx.Response(502), True),
        (httpx.Response(504, headers=LATER), True),
    ],
)
def test_whoever_is_to_come_again_is_told_when_and_by_the_api_itself(answer: httpx.Response, is_wrong: bool) -> None:
    judge = Judge()
    assert asked([answer, NOW], judge, token(60)) == [answer.status_code, 200]
    assert bool(judge.blamed()) is is_wrong
    assert judge.blamed() == []


def test_a_token_whose_time_is_over_is_refused_once_and_another_is_taken() -> None:
    judge = Judge()
    assert asked([refused(), NOW, NOW], judge, token(-1), token(60)) == [None, 200, 200]
    assert judge.blamed() == []


@pytest.mark.parametrize("lives", [(60,), (-1, 60)], ids=["the first", "the next"])
def test_a_token_that_is_still_good_is_not_refused(lives: tuple[int, ...]) -> None:
    judge = Judge()
    assert asked([refused()] * len(lives), judge, *map(token, lives))[-1] == 401
    (found,) = judge.blamed()
    assert "401 unauthenticated for a token that is good" in found


def test_where_a_clock_is_ahead_or_a_store_was_taken_back_a_token_is_over_sooner() -> None:
    ahead, usual = Judge(ahead=600), Judge()
    assert asked([refused()], ahead, token(500)) == [None]
    assert asked([refused()], usual, token(500)) == [401]
    rewound = Judge()
    with door([refused(), refused()], rewound, token(60), token(60)) as made:
        rewound.rewound_at = time.monotonic()
        assert made.ask("GET", "/projects", {}) is None
        assert made.ask("GET", "/projects", {}) is not None, "this one came after that"
    assert (ahead.blamed(), len(usual.blamed()), len(rewound.blamed())) == ([], 1, 1)


def test_nobody_comes_without_a_token_who_has_to_have_one() -> None:
    judge = Judge()
    with door([refused()], judge, token(-1)) as made:
        assert [made.ask("GET", "/projects", {}) for _ in range(2)] == [None, None]
    assert judge.blamed() == []


def test_that_an_organization_is_closed_says_nothing_of_the_token() -> None:
    judge = Judge()
    assert asked([refused(SHUT_OUT), NOW], judge, token(60)) == [401, 200]
    assert judge.blamed() == []
