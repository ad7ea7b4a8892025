"""Who asks for too much is told to wait, and others are served all the same."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from api import create_app
from api.limits import Seats
from infra.allowance import BURST, MOST_KNOWN, Allowance, Gate, TooManyRequests, household
from infra.config import OperatorLimits, Settings
from tests.api.visitor import PASSWORD, PREFIX, Visitor
from tests.serving import limited

JOB = f"{PREFIX}/training-jobs/00000000-0000-0000-0000-000000000001/live"


@pytest.fixture(scope="module")
def strict(settings: Settings) -> FastAPI:
    return create_app(limited(settings, requests_per_second=1))


@pytest.fixture(scope="module")
def at_home(strict: FastAPI) -> Iterator[TestClient]:
    with TestClient(strict, client=("10.0.0.1", 1)) as client:
        sign_ins = strict.state.house.sign_ins
        # However long a hash takes here.
        sign_ins.tries.clock = lambda: 0.0
        yield client


def elsewhere(app: FastAPI, address: int | str) -> TestClient:
    """Without a house of its own: the one that is open serves."""
    return TestClient(app, client=(f"10.0.0.{address}" if isinstance(address, int) else address, 1))


def statuses(ask: Callable[[], int], times: int) -> list[int]:
    return [ask() for _ in range(times)]


def test_an_account_that_floods_waits_and_another_is_served(
    at_home: TestClient, strict: FastAPI, ann: Visitor, bob: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(strict.state.limits.accounts, "clock", lambda: now)  # however long each takes here
    flood, other = Visitor(at_home, ann.token), Visitor(elsewhere(strict, 2), bob.token)
    answers = [flood("GET", "/auth/me") for _ in range(20)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert answers[0].status_code == 200
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"] == "urn:vistory:problem:too-many-requests"
    assert Visitor(elsewhere(strict, 3), ann.token)("GET", "/auth/me").status_code == 429, "wherever it asks from"
    assert other("GET", "/auth/me").status_code == 200


def test_a_request_counts_once_however_many_ask_who_it_is_from(
    at_home: TestClient, strict: FastAPI, bob: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[UUID] = []
    monkeypatch.setattr(strict.state.limits.accounts, "take", counted.append)
    assert Visitor(at_home, bob.token)("POST", "/training-jobs").status_code == 422
    assert len(counted) == 1, "its desk asks, and so does what it may read"


def test_who_signs_in_while_too_many_do_is_told_to_come_again_and_holds_no_thread(
    at_home: TestClient, strict: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Gate(1, 0, "too many people sign in at this moment")
    monkeypatch.setattr(strict.state.house.sign_ins.accounts, "hashing", full)
    tried = {"email": "nobody@example.org", "password": "whatever it is"}
    with full:
        answer = at_home.post(f"{PREFIX}/auth/login", json=tried)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert at_home.post(f"{PREFIX}/auth/login", json=tried).status_code == 401


@pytest.fixture
def bare() -> FastAPI:
    """Nothing is behind it: what is refused at the edge needs nothing."""
    return create_app(Settings(limits=OperatorLimits(requests_per_second=1)))


def test_an_address_that_floods_waits_and_another_is_served(bare: FastAPI) -> None:
    flood, other = elsewhere(bare, 4), elsewhere(bare, 5)
    assert set(statuses(lambda: flood.get("/nowhere").status_code, 60)) == {404, 429}
    assert other.get("/nowhere").status_code == 404
    assert flood.get("/health").status_code == 200, "or its supervisor would end a process that only says no"


def test_what_is_refused_is_counted(bare: FastAPI) -> None:
    def refused() -> float:
        labels = {"method": "GET", "status": "429"}
        return REGISTRY.get_sample_value("vistory_http_requests_refused_total", labels) or 0.0

    before, flood = refused(), elsewhere(bare, 7)
    answers = statuses(lambda: flood.get("/nowhere").status_code, 60)
    assert refused() - before == answers.count(429) > 0


def test_accounts_are_made_slowly(bare: FastAPI) -> None:
    stranger = elsewhere(bare, 6)
    ask = partial(stranger.post, f"{PREFIX}/auth/register", content=b"{", headers={"Content-Type": "application/json"})
    answers = statuses(lambda: ask().status_code, 12)
    assert (answers[0], answers[-1]) == (422, 429)
    assert stranger.get("/nowhere").status_code == 404


def logs_in(client: TestClient, email: str, password: str = "wrong") -> int:
    return client.post(f"{PREFIX}/auth/login", json={"email": email, "password": password}).status_code


def opens_mlflow(client: TestClient, email: str, password: str = "wrong") -> int:
    return client.get("/mlflow/", auth=(email, password)).status_code


DOORS = pytest.mark.parametrize("door", [logs_in, opens_mlflow])


@DOORS
def test_one_client_tries_passwords_slowly_whoever_they_are_for(
    at_home: TestClient, strict: FastAPI, door: Callable[..., int]
) -> None:
    network = f"2001:db8:0:{len(door.__name__)}"
    answers = [door(elsewhere(strict, f"{network}::{each}"), f"{each}@example.org") for each in range(12)]
    assert (answers[0], answers[-1]) == (401, 429), "one address of IPv6 is 2^64 addresses"


@DOORS
def test_the_password_of_one_account_is_tried_slowly_wherever_from(
    at_home: TestClient, strict: FastAPI, founder: Callable[[], Visitor], door: Callable[..., int]
) -> None:
    victim, other, clients = founder(), founder(), count(100)
    answers = statuses(lambda: door(elsewhere(strict, next(clients)), victim.email), 11)
    assert answers == [401] * 10 + [429]
    assert door(elsewhere(strict, next(clients)), victim.email.upper(), PASSWORD) == 429, "or the answer would tell"
    assert door(elsewhere(strict, next(clients)), other.email, PASSWORD) not in (401, 429)


def test_nobody_is_locked_out_where_they_signed_in_before_by_whoever_guesses_elsewhere(
    at_home: TestClient, strict: FastAPI, founder: Callable[[], Visitor]
) -> None:
    victim, clients, office = founder(), count(150), elsewhere(strict, 149)
    assert logs_in(office, victim.email, PASSWORD) == 200
    guesses = statuses(lambda: logs_in(elsewhere(strict, next(clients)), victim.email), 11)
    assert guesses[-1] == 429
    assert logs_in(office, victim.email, PASSWORD) == 200
    assert statuses(lambda: logs_in(office, victim.email), 6) == [401] * 5 + [429]


def test_refresh_tokens_are_made_up_slowly_and_one_that_is_none_of_those_is_good(
    at_home: TestClient, strict: FastAPI, founder: Callable[[], Visitor]
) -> None:
    office, victim = elsewhere(strict, 148), founder()
    good = Visitor(office).post("/auth/login", {"email": victim.email, "password": PASSWORD, "refresh": "body"})
    made_up = partial(office.post, f"{PREFIX}/auth/refresh", json={"refresh_token": "made up"})
    assert statuses(lambda: made_up().status_code, 21) == [401] * 20 + [429]
    assert Visitor(office)("POST", "/auth/refresh", {"refresh_token": good["refresh_token"]}).status_code == 200


def test_links_are_made_up_slowly(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    office, attempt = elsewhere(client.app, 147), {"token": "made up", "password": PASSWORD}
    made_up = partial(office.post, f"{PREFIX}/auth/reset-password", json=attempt)
    assert statuses(lambda: made_up().status_code, 21) == [409] * 20 + [429]


def test_the_right_password_is_never_too_often(
    at_home: TestClient, strict: FastAPI, founder: Callable[[], Visitor]
) -> None:
    ann, clients = founder(), count(200)
    assert set(statuses(lambda: logs_in(elsewhere(strict, next(clients)), ann.email, PASSWORD), 12)) == {200}


def test_pages_of_mlflow_count_for_their_account(
    at_home: TestClient, strict: FastAPI, founder: Callable[[], Visitor]
) -> None:
    ann, clients = founder(), count(50)
    headers = {"Authorization": f"Bearer {ann.token}"}
    answers = [elsewhere(strict, next(clients)).get("/mlflow/", headers=headers) for _ in range(12)]
    assert 429 in {answer.status_code for answer in answers}


def test_an_even_pace_is_never_refused_and_a_burst_only_so_far() -> None:
    now = 0.0
    allowance = Allowance(2, lambda: now)
    for _ in range(100):
        allowance.take("even")
        now += 0.5
    for _ in range(int(2 * BURST)):
        allowance.take("burst")
    with pytest.raises(TooManyRequests) as refused:
        allowance.take("burst")
    assert refused.value.headers == {"Retry-After": "1"}
    allowance.take("somebody else")


def test_whoever_comes_with_many_names_fills_no_memory() -> None:
    allowance = Allowance(1)
    for number in range(3 * MOST_KNOWN):
        allowance.take(number)
    assert len(allowance._due) <= MOST_KNOWN


def test_nobody_is_forgotten_because_another_comes_with_many_names() -> None:
    allowance = Allowance(1)
    for _ in range(int(BURST)):
        allowance.take("guesser")
    for number in range(2 * MOST_KNOWN):
        allowance.take(number)
    with pytest.raises(TooManyRequests):
        allowance.look("guesser")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_is_counted_as_one(address: str, counted: str) -> None:
    assert household(address) == counted


def test_no_limit_is_a_limit_of_nought() -> None:
    allowance = Allowance(0)
    for _ in range(10_000):
        allowance.take("benchmark")


def test_a_seat_is_free_again_when_its_socket_closed() -> None:
    seats = Seats(2)
    with ExitStack() as stack:
        stack.enter_context(seats.one("ann"))
        stack.enter_context(seats.one("ann"))
        with pytest.raises(TooManyRequests), seats.one("ann"):
            pass
        with seats.one("bob"):
            pass
    with seats.one("ann"):
        assert dict(seats._taken) == {"ann": 1}


def test_sockets_of_one_account_are_counted_and_those_too_many_closed(client: TestClient, ann: Visitor) -> None:
    limits = client.app.state.limits  # type: ignore[attr-defined]
    with ExitStack() as stack:
        for _ in range(limits.sockets.most):
            stack.enter_context(limits.sockets.one(UUID(ann.id)))
        with client.websocket_connect(JOB) as socket:
            socket.send_json({"token": ann.token})
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
        assert closed.value.code == 4429
    with client.websocket_connect(JOB) as socket:
        socket.send_json({"token": ann.token})
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4404


def test_whoever_opens_one_socket_after_another_is_refused_before_any_is_open(
    at_home: TestClient, strict: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood, now = elsewhere(strict, 40), time.monotonic()
    monkeypatch.setattr(strict.state.limits.addresses, "clock", lambda: now)  # however long each takes here

    def opened() -> None:
        with flood.websocket_connect(JOB) as socket:
            socket.send_json({"token": "made up"})
            socket.receive_json()

    def knock() -> WebSocketDisconnect:
        with pytest.raises(WebSocketDisconnect) as refused:
            opened()
        return refused.value

    first, *_, last = [knock() for _ in range(60)]
    assert first.code == 4401
    assert isinstance(last, WebSocketDenialResponse)
    assert (last.status_code, last.json()["type"]) == (429, "urn:vistory:problem:too-many-requests")
    assert int(last.headers["Retry-After"]) >= 1
    assert flood.get("/nowhere").status_code == 429, "they count as requests do"


@pytest.mark.parametrize("frame", [b"\x00\xff", b'{"token": "x"}'])
def test_a_binary_frame_is_no_token(client: TestClient, frame: bytes) -> None:
    with client.websocket_connect(JOB) as socket:
        socket.send_bytes(frame)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4401


BENT = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "[" * 30_000,
    '{"token": ' * 5_000,
    "{",
    '{"token"',
    '{"token": "x"',
    "\x00",
    "NaN",
]
BENT += [
    f'{{"token": {token}}}'
    for token in ("null", "1", "[]", "{}", '""', r'"\ud800"', r'"\u0000"', '"é"', '" "', "1e999")
]
BENT += [
    json.dumps({"token": token})
    for token in ("a.b.c", "." * 100, "x" * 60_000, "vst_" + "a" * 8 + "_" + "a" * 49, "..", "a.b", "é.é.é")
]


@pytest.mark.parametrize("first", BENT, ids=range(len(BENT)))
def test_whatever_else_comes_first_on_a_socket_is_no_token(client: TestClient, first: str) -> None:
    with client.websocket_connect(JOB) as socket:
        socket.send_text(first)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4401


def test_an_organization_that_has_sent_its_invitations_of_a_day_is_told_so(
    settings: Settings, founder: Callable[[], Visitor]
) -> None:
    sparing = create_app(limited(settings, invitations_per_day=1))
    with TestClient(sparing, client=("10.9.0.1", 1)) as door:
        sender = Visitor(door, founder().token)
        other = Visitor(elsewhere(sparing, "10.9.0.2"), founder().token)
        id = sender.post("/invitations", {"email": "one@example.org"})["id"]
        for path, body in (("/invitations", {"email": "two@example.org"}), (f"/invitations/{id}/resend", {})):
            answer = sender("POST", path, body)
            assert answer.status_code == 429
            assert "your organization has sent the 1 invitations that it may send in a day" in answer.json()["detail"]
            assert int(answer.headers["Retry-After"]) > 23 * 3600
        assert other("POST", "/invitations", {"email": "one@example.org"}).status_code == 201
