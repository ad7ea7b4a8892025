"""No clock tells whether somebody has an address: answers are timed by turns, and a planted difference is found.

A pair of answers comes one right after the other, so that whatever else the machine does slows both; and it only slows,
so the quick tenth of each is compared, which it slowed least. They differ where nearly all ways to draw as many pairs
again agree that these are further apart than a floor; while they do not even agree whether a few milliseconds lie
between them, more are asked for.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Final

import psycopg
import pytest
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import create_app, link
from infra.config import Settings
from infra.secrets import Accounts, Authenticated
from tests.api.visitor import PREFIX, Visitor

PAIRS, MOST_PAIRS = 60, 240
DRAWS: Final = 2_000
AGREEING: Final = 0.999
# In seconds: what is below is lost in the noise of a network, and of a machine that others use.
FLOOR: Final = 0.001
# Of what they agree on, in seconds: less than any difference that is planted here, with the floor.
WIDE: Final = 0.004
Ask = Callable[[str, str], None]


@dataclass
class Timed:
    """The application, and how long each answer took until it was out; what is done afterwards does not count."""

    app: ASGIApp
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()

        async def timed(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.seconds.append(time.perf_counter() - begun)

        await self.app(scope, receive, timed)


def apart(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Seconds that lie between them, at the least and at the most."""
    pairs, chance = list(zip(ones, others, strict=True)), random.Random(7)
    drawn = (zip(*chance.choices(pairs, k=len(pairs)), strict=True) for _ in range(DRAWS))
    between = sorted(quick(one) - quick(other) for one, other in drawn)
    tail = round(DRAWS * (1 - AGREEING) / 2)
    return between[tail], between[-1 - tail]


def quick(seconds: Sequence[float]) -> float:
    return sorted(seconds)[len(seconds) // 10]


@pytest.fixture(scope="module")
def timed(settings: Settings) -> Iterator[Timed]:
    timed = Timed(create_app(settings))
    with TestClient(timed):
        yield timed


@pytest.fixture(scope="module")
def known(timed: Timed) -> Iterator[str]:
    """Addresses that somebody has, each asked for so seldom that nobody waits."""
    people = (Visitor(TestClient(timed.app, client=(f"10.7.{n // 250}.{n % 250}", 1))) for n in count(1))
    return chain.from_iterable((email, email) for email in (each.arrive("Timed").email for each in people))


def differ(timed: Timed, known: Iterator[str], ask: Ask) -> bool:
    """Whether answers about addresses that somebody has take another time than about those that nobody has."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(MOST_PAIRS):
        pair = [(True, next(known)), (False, f"nobody{number}@example.org")]
        for is_known, email in random.sample(pair, 2):
            ask(email, f"10.8.{number}.1")
            took[is_known].append(timed.seconds[-1])
        if (number + 1) % PAIRS == 0:
            least, most = apart(took[True], took[False])
            if least > FLOOR or most < -FLOOR:
                return True
            if most - least < WIDE:
                return False
    return False


def ask(timed: Timed, path: str, status: int, **body: Any) -> Ask:
    def asked(email: str, address: str) -> None:
        client = TestClient(timed, client=(address, 1))
        answer = client.post(PREFIX + path, json={"email": email, **body})
        assert answer.status_code == status, answer.text

    return asked


@pytest.fixture
def signs_in(timed: Timed) -> Ask:
    return ask(timed, "/auth/login", 401, password="not this one")


@pytest.fixture
def forgets(timed: Timed) -> Ask:
    return ask(timed, "/auth/forgot-password", 202)


def test_signing_in_takes_as_long_for_an_address_that_nobody_has(
    timed: Timed, known: Iterator[str], signs_in: Ask
) -> None:
    assert not differ(timed, known, signs_in)


def test_a_hash_that_is_not_made_for_an_address_that_nobody_has_is_found(
    timed: Timed, known: Iterator[str], signs_in: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Accounts.authenticate

    def careless(accounts: Accounts, email: str, password: str) -> Authenticated | None:
        return real(accounts, email, password) if accounts.person_of(email) else None

    monkeypatch.setattr(Accounts, "authenticate", careless)
    assert differ(timed, known, signs_in)


def test_so_is_one_look_more_of_a_few_milliseconds(
    timed: Timed, known: Iterator[str], signs_in: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Accounts.authenticate

    def chatty(accounts: Accounts, email: str, password: str) -> Authenticated | None:
        if accounts.person_of(email):
            time.sleep(0.005)
        return real(accounts, email, password)

    monkeypatch.setattr(Accounts, "authenticate", chatty)
    assert differ(timed, known, signs_in)


@pytest.fixture
def rehashed(owner: psycopg.Connection, known: Iterator[str]) -> Iterator[str]:
    """Accounts whose hashes were made under other parameters than those of today."""
    other = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=24_576, parallelism=1),)).hash("another password")

    def each() -> Iterator[str]:
        for email in known:
            owner.execute("UPDATE secrets.passwords SET hash = %s WHERE hash <> %s", (other, other))
            yield email

    return each()


def test_signing_in_takes_as_long_where_hashes_were_made_under_other_parameters(
    timed: Timed, rehashed: Iterator[str], signs_in: Ask
) -> None:
    assert not differ(timed, rehashed, signs_in)


def test_asking_for_a_letter_takes_as_long_for_an_address_that_nobody_has(
    timed: Timed, known: Iterator[str], forgets: Ask
) -> None:
    assert not differ(timed, known, forgets)


def test_a_letter_that_is_asked_for_before_the_answer_is_found(
    timed: Timed, known: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(email: str, wish: Any, desk: Any, after: Any) -> link.LetterPromise:
        link._write(email, wish, desk)
        return link.LetterPromise()

    monkeypatch.setattr("api.email.write_to", hasty)
    assert differ(timed, known, ask(timed, "/auth/resend-verification", 202))
