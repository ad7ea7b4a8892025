"""API tokens that a process has read already: no query at the door, and no longer than they are good."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from api import create_app
from api.house import House
from domain.errors import Unauthenticated
from infra.api_tokens import ApiTokens
from infra.config import Settings
from infra.ended import Ended
from infra.listening import listening
from tests.api.later import a_year_passes_for_tokens
from tests.api.visitor import Visitor
from tests.faults.proxy import Proxy
from tests.whole import waited


@pytest.fixture
def road(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """On which another process hears of what ends."""
    url = settings.need("database_url")
    with Proxy(urlsplit(url).port or 0) as road:
        monkeypatch.setattr("infra.ended.listening", lambda _, *followed: listening(road.instead(url), *followed))
        yield road


@pytest.fixture
def other(settings: Settings, road: Proxy) -> Iterator[House]:
    """What another process of the API has, once it hears of what ends."""
    with TestClient(create_app(settings)) as other:
        house: House = other.app.state.house  # type: ignore[attr-defined]
        waited(lambda: house.ended.is_listening, 30, "it hears of what ends")
        yield house


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One for each time that the ledger was asked for a token at the door."""
    real, read = ApiTokens.carried, list[object]()

    def counted(tokens: ApiTokens, token: str) -> object:
        read.append(token)
        return real(tokens, token)

    monkeypatch.setattr(ApiTokens, "carried", counted)
    return read


def is_let_in(house: House, program: Visitor) -> bool:
    try:
        house.caller_of(program.token or "")
    except Unauthenticated:
        return False
    return True


def test_a_token_is_read_once_by_whoever_hears_of_what_ends(
    ann: Visitor, other: House, readings: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ann.program("read")
    first, second = (other.caller_of(program.token or "") for _ in range(2))
    assert (first, len(readings)) == (second, 1)
    monkeypatch.setattr("infra.known_tokens.GOOD_FOR", 0.0)
    assert other.caller_of(program.token or "") == first
    assert len(readings) == 2


def test_one_that_was_revoked_elsewhere_is_refused_as_soon_as_that_is_heard(ann: Visitor, other: House) -> None:
    program, kept = ann.program("read"), ann.program("read")
    assert is_let_in(other, program)
    assert is_let_in(other, kept)
    id = other.caller_of(program.token or "").token_id
    assert ann("DELETE", f"/tokens/{id}").status_code == 200
    begun = time.monotonic()
    while is_let_in(other, program):
        assert time.monotonic() - begun < 1.0
    assert is_let_in(other, kept)


def test_the_rights_of_a_token_are_asked_for_in_the_ledger_whatever_was_heard(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ann.program("read")
    assert program("GET", "/projects").status_code == 200
    id = next(each["id"] for each in ann.get("/tokens")["items"] if each["revoked_at"] is None)
    monkeypatch.setattr(Ended, "would_know", lambda *_: True)
    assert ann("DELETE", f"/tokens/{id}").status_code == 200
    assert program("GET", "/projects").status_code == 401


def test_whoever_hears_of_nothing_asks_and_believes_nothing_from_before(
    ann: Visitor, other: House, road: Proxy, readings: list[object]
) -> None:
    programs = [ann.program("read") for _ in range(2)]
    assert all(is_let_in(other, each) for each in programs)
    gone, kept = programs
    id = other.caller_of(gone.token or "").token_id
    with road.cut():
        waited(lambda: not other.ended.is_listening, 30, "it hears of nothing")
        assert ann("DELETE", f"/tokens/{id}").status_code == 200
        assert not is_let_in(other, gone)
    waited(lambda: other.ended.is_listening, 30, "it hears of what ends again")
    assert not is_let_in(other, gone)
    readings.clear()
    assert is_let_in(other, kept)
    assert len(readings) == 1, "what ended meanwhile was heard by nobody"


def test_one_whose_time_is_over_is_refused_though_nobody_told(
    ann: Visitor, other: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ann.program("read")
    assert is_let_in(other, program)
    a_year_passes_for_tokens(monkeypatch)
    assert not is_let_in(other, program)
