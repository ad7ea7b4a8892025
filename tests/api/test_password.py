"""A forgotten password over HTTP, with a real mail server: asked for, written, read, and set by the link."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from infra.secrets import Accounts, UnitSecrets
from tests.api.letters import Delivered, token_in
from tests.api.test_session import gone_on, is_let_in, signed_in
from tests.api.visitor import PASSWORD, Visitor
from tests.servers import Servers
from tests.serving import serving

NEW = "another horse battery"


def asked(visitor: Visitor, email: str) -> Response:
    return visitor("POST", "/auth/forgot-password", {"email": email})


def token_of(visitor: Visitor, delivered: Delivered) -> str:
    delivered()
    assert asked(visitor, visitor.email).status_code == 202
    (letter,) = delivered()
    assert letter.letter["to"] == visitor.email
    return token_in(letter, "reset-password")


def test_a_forgotten_password_is_set_anew_by_the_link(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder()
    token = token_of(ann, delivered)
    ann.post("/auth/reset-password", {"token": token, "password": NEW})
    assert ann("POST", "/auth/login", {"email": ann.email, "password": PASSWORD}).status_code == 401
    assert ann("POST", "/auth/login", {"email": ann.email, "password": NEW}).status_code == 200
    again = ann("POST", "/auth/reset-password", {"token": token, "password": "third horse battery"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:link-is-over")


@pytest.mark.parametrize("way_in", ["/auth/login", "/tokens"])
def test_what_somebody_begins_while_the_password_is_reset_ends_with_the_rest(
    founder: Callable[[], Visitor], delivered: Delivered, monkeypatch: pytest.MonkeyPatch, way_in: str
) -> None:
    """After all that is to end was listed, and before that is recorded."""
    ann = founder().verified().elsewhere()
    thief, token = ann.elsewhere().sign_in(), token_of(ann, delivered)
    body = {"/auth/login": {"email": ann.email, "password": PASSWORD}, "/tokens": {"name": "t", "scopes": ["read"]}}
    begun: list[Any] = []
    waiting = ["for it"]
    listed = "every_session_of" if way_in == "/auth/login" else "every_api_token_of"
    real = getattr(UnitSecrets, listed)

    def lists(secrets: UnitSecrets, *of: Any) -> Any:
        ids = real(secrets, *of)
        if waiting:
            waiting.clear()
            begun.append(thief.post(way_in, body[way_in]))
        return ids

    monkeypatch.setattr(UnitSecrets, listed, lists)
    ann.post("/auth/reset-password", {"token": token, "password": NEW})
    (made,) = begun
    assert Visitor(ann.client, made.get("access_token") or made["token"])("GET", "/projects").status_code == 401


@pytest.mark.parametrize("way_in", ["/auth/login", "/tokens", "/users/me/email"])
def test_what_was_under_way_as_the_password_was_reset_comes_to_nothing(
    founder: Callable[[], Visitor], delivered: Delivered, monkeypatch: pytest.MonkeyPatch, way_in: str
) -> None:
    """It was let in by the old password, or in a session that goes on, and is recorded later."""
    ann = founder().verified().elsewhere()
    thief, token = ann.elsewhere().sign_in(), token_of(ann, delivered)
    shown = {"password": PASSWORD}
    body = {
        "/auth/login": shown | {"email": ann.email},
        "/tokens": {"name": "t", "scopes": ["read"]},
        "/users/me/email": shown | {"email": f"thief.{ann.email}"},
    }
    waiting = ["for it"]

    def first(real: Callable[..., Any]) -> Callable[..., Any]:
        def late(*given: Any, **named: Any) -> Any:
            found = real(*given, **named)
            if waiting:
                waiting.clear()
                ann.post("/auth/reset-password", {"token": token, "password": NEW})
            return found

        return late

    if way_in != "/tokens":
        monkeypatch.setattr(Accounts, "authenticate", first(Accounts.authenticate))
    else:
        monkeypatch.setattr(UnitSecrets, "api_tokens_of", first(UnitSecrets.api_tokens_of))
    answer = thief("POST", way_in, body[way_in])
    assert not waiting
    assert answer.status_code in (401, 409), answer.text


def test_whoever_lost_the_answer_of_a_reset_has_it_again(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder().elsewhere()
    body = {"token": token_of(ann, delivered), "password": NEW}
    answers = [ann("POST", "/auth/reset-password", body, key="lost") for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"id": ann.id}] * 2
    first, again = ([answer.headers[name] for name in ("Vistory-Position", "Vistory-Chain")] for answer in answers)
    assert again == first
    other = ann("POST", "/auth/reset-password", body | {"password": PASSWORD}, key="lost")
    assert (other.status_code, other.json()["type"]) == (422, "urn:vistory:problem:key-reused")


def test_a_reset_ends_every_session(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder().elsewhere()
    other = signed_in(ann)
    held = [ann.token or "", other["access_token"]]
    assert all(is_let_in(ann.client, each) for each in held)
    Visitor(ann.client).post("/auth/reset-password", {"token": token_of(ann, delivered), "password": NEW})
    assert [is_let_in(ann.client, each) for each in held] == [False] * 2
    assert gone_on(ann.client, other["refresh_token"]).status_code == 401
    ann.token = ann.post("/auth/login", {"email": ann.email, "password": NEW})["access_token"]
    assert len(ann.get("/auth/sessions")) == 1


def test_a_link_to_another_password_is_good_for_an_hour(
    founder: Callable[[], Visitor], delivered: Delivered, aged: Callable[[str, timedelta], None]
) -> None:
    ann = founder()
    late = token_of(ann, delivered)
    aged(ann.id, timedelta(hours=1))
    answer = ann("POST", "/auth/reset-password", {"token": late, "password": NEW})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:link-is-over")
    assert answer.json()["detail"] == "this link is too old; ask for another"
    ann.sign_in()
    in_time = token_of(ann, delivered)
    aged(ann.id, timedelta(minutes=59))
    ann.post("/auth/reset-password", {"token": in_time, "password": NEW})


@pytest.mark.parametrize(("kept", "status"), [(False, 401), (True, 200)])
def test_a_reset_revokes_what_a_thief_may_have_made_unless_its_owner_keeps_it(
    founder: Callable[[], Visitor], delivered: Delivered, kept: bool, status: int
) -> None:
    """In every organization of the person."""
    ann, ben = founder().elsewhere(), founder()
    delivered()
    ben.post("/invitations", {"email": ann.email, "role": "guest"})
    there = ann.post("/invitations/accept", {"token": token_in(delivered()[0], "invite")})["access_token"]
    away = Visitor(ann.client, there)
    programs = [ann.program("read"), away.program("read")]
    token = token_of(ann, delivered)
    ann.post("/auth/reset-password", {"token": token, "password": NEW, "keep_tokens": kept})
    assert [each("GET", "/projects").status_code for each in programs] == [status] * len(programs)
    (told,) = delivered()
    assert (told.letter["to"], told.letter["subject"]) == (ann.email, "Your password for Vistory was changed")


def test_the_letter_says_what_else_a_reset_ends(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder().elsewhere()
    delivered()
    asked(ann, ann.email)
    (letter,) = delivered()
    assert "revokes your API tokens" in letter.text


def test_who_sets_a_password_by_the_link_is_let_in_though_others_guess_at_it(
    founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    ann = founder()
    assert isinstance(ann.client.app, FastAPI)
    away = [Visitor(TestClient(ann.client.app, client=(f"10.3.0.{number}", 1))) for number in range(12)]
    token = token_of(ann, delivered)
    guesses = [each("POST", "/auth/login", {"email": ann.email, "password": "guess"}).status_code for each in away]
    assert guesses[-1] == 429
    away[-1].post("/auth/reset-password", {"token": token, "password": NEW})
    away[-1].post("/auth/login", {"email": ann.email, "password": NEW})


def test_an_address_is_known_by_no_answer(
    founder: Callable[[], Visitor], stranger: Visitor, delivered: Delivered
) -> None:
    ann = founder()
    delivered()
    known, unknown = asked(stranger, ann.email.upper()), asked(stranger, "nobody@example.org")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (202, {"status": "asked"})
    private = {"date", "vistory-request", "x-request-id", "vistory-request-id"}
    shape = [{name for name in answer.headers if name not in private} for answer in (known, unknown)]
    assert shape[0] == shape[1]
    assert "vistory-position" not in known.headers
    assert len([each for each in delivered() if each.letter["to"] == ann.email]) == 1


def test_how_often_somebody_is_written_to_is_limited_whether_they_exist_or_not(
    founder: Callable[[], Visitor], stranger: Visitor
) -> None:
    for email in (founder().email, "limited@example.org"):
        answers = [asked(stranger, email) for _ in range(4)]
        assert [each.status_code for each in answers] == [202, 202, 202, 429]
        assert int(answers[-1].headers["retry-after"]) > 60
        assert answers[-1].json()["type"] == "urn:vistory:problem:tried-too-often"


def test_of_two_that_use_a_link_at_once_one_wins(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder()
    token, both, answers = token_of(ann, delivered), Barrier(2), list[int]()

    def use(password: str) -> None:
        both.wait()
        answers.append(ann("POST", "/auth/reset-password", {"token": token, "password": password}).status_code)

    racers = [Thread(target=use, args=(password,)) for password in (NEW, "other horse battery")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(answers) == [200, 409]


@pytest.mark.parametrize("body", [{"token": "guess"}, {"token": ""}, {"token": "x" * 201}, {"token": "\x00"}, {}])
def test_a_guess_sets_nothing(stranger: Visitor, body: dict[str, str]) -> None:
    answer = stranger("POST", "/auth/reset-password", {"password": NEW, **body})
    assert answer.status_code in (409, 422)
    assert "guess" not in answer.text


@pytest.mark.parametrize("password", ["short", "x" * 257, "password12345", "Vision2024!", "example.org"])
def test_a_password_that_cannot_be_set_leaves_the_link_good(
    founder: Callable[[], Visitor], delivered: Delivered, password: str
) -> None:
    ann = founder()
    token = token_of(ann, delivered)
    assert ann("POST", "/auth/reset-password", {"token": token, "password": password}).status_code == 422
    ann.post("/auth/reset-password", {"token": token, "password": NEW})


def test_a_letter_is_in_the_language_that_was_chosen(founder: Callable[[], Visitor], delivered: Delivered) -> None:
    ann = founder()
    assert ann("PUT", "/auth/me/language", {"language": "ko"}).status_code == 200
    assert ann("PUT", "/auth/me/language", {"language": "xx"}).status_code == 422
    token_of(ann, delivered)
    asked(ann, ann.email)
    (letter,) = delivered()
    assert "비밀번호" in letter.letter["subject"]


def test_no_clock_tells_whether_somebody_has_an_address(servers: Servers, tmp_path: Path) -> None:
    """It is looked up once the answer is out: here, where addresses cannot be looked up at all for now."""
    with serving(servers, tmp_path) as api:
        api.log_once('"message": "ready"')
        with psycopg.connect(api.databases.owner_url) as owner:
            owner.execute("LOCK TABLE secrets.email_index IN ACCESS EXCLUSIVE MODE")
            answer = httpx.post(f"{api.url}/api/v1/auth/forgot-password", json={"email": "ann@example.org"}, timeout=20)
        assert answer.status_code == 202
