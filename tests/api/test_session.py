"""Signing in, going on and signing out, as a browser and as a program do it."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api import create_app
from api.cookie import LIFE, NAME, PATH
from infra.config import Settings
from infra.listening import listening
from tests.api.letters import Delivered, token_in
from tests.api.visitor import PASSWORD, PREFIX, Visitor, good
from tests.faults.proxy import Proxy
from tests.whole import waited

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def person(client: TestClient) -> Visitor:
    return Visitor(client).register(f"Sessions {uuid4()}")


@pytest.fixture
def browser(settings: Settings, holding: object) -> Iterator[TestClient]:
    """With a jar of its own, on https."""
    with TestClient(create_app(settings), base_url="https://vistory.example") as browser:
        yield browser


def credentials(person: Visitor, **other: Any) -> dict[str, Any]:
    return {"email": person.email, "password": PASSWORD, **other}


def signed_in(person: Visitor) -> dict[str, Any]:
    answer: dict[str, Any] = Visitor(person.client).post("/auth/login", credentials(person, refresh="body"))
    return answer


def gone_on(client: TestClient, token: str) -> Response:
    return Visitor(client)("POST", "/auth/refresh", {"refresh_token": token})


def is_let_in(client: TestClient, token: str) -> bool:
    return Visitor(client, token)("GET", "/auth/me").is_success


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def session_of(token: str) -> str:
    return str(claims_of(token)["sid"])


def test_who_signs_in_is_told_who_they_are(person: Visitor) -> None:
    answer = person.post("/auth/login", credentials(person) | {"email": person.email.upper()})
    assert (answer["token_type"], answer["expires_in"], answer["refresh_token"]) == ("bearer", 900, None)
    assert answer["person"] == person.get("/auth/me")
    assert (answer["person"]["email"], answer["person"]["role"]) == (person.email, "admin")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(person: Visitor, stranger: Visitor) -> None:
    wrong = stranger("POST", "/auth/login", {"email": person.email, "password": "not this one"})
    unknown = stranger("POST", "/auth/login", {"email": "nobody@example.org", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_a_refresh_token_gives_way_to_the_next(person: Visitor, client: TestClient) -> None:
    first = signed_in(person)
    second = good(gone_on(client, first["refresh_token"])).json()
    third = good(gone_on(client, second["refresh_token"])).json()
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert {session_of(each["access_token"]) for each in (first, second, third)} == {session_of(first["access_token"])}
    claims = claims_of(third["access_token"])
    assert (claims["sub"], claims["email"], claims["role"]) == (person.id, person.email, "admin")


def test_who_uses_an_old_refresh_token_ends_the_session(person: Visitor, client: TestClient) -> None:
    stolen = signed_in(person)
    newer = good(gone_on(client, stolen["refresh_token"])).json()
    newest = good(gone_on(client, newer["refresh_token"])).json()
    assert gone_on(client, stolen["refresh_token"]).status_code == 401
    assert gone_on(client, newest["refresh_token"]).status_code == 401
    assert not is_let_in(client, newest["access_token"])
    assert is_let_in(client, person.token or "")
    person.post("/projects", {"name": "Later"})
    (told,) = person.get("/audit/organization?action=sign_out")["items"]
    assert told["entity_id"] == session_of(stolen["access_token"])
    assert (told["actor_kind"], told["person_id"]) == ("system", person.id)
    assert told["changes"] == {"reason": {"old": None, "new": "refresh_token_reused"}}


def test_the_one_before_is_good_for_a_moment_and_leads_to_the_very_same(person: Visitor, client: TestClient) -> None:
    first = signed_in(person)["refresh_token"]
    answers = [good(gone_on(client, first)).json() for _ in range(3)]
    assert len({each["refresh_token"] for each in answers}) == 1
    good(gone_on(client, answers[0]["refresh_token"]))


def test_a_client_that_asks_many_times_at_once_is_not_locked_out(person: Visitor, client: TestClient) -> None:
    first = signed_in(person)["refresh_token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: gone_on(client, first), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (next,) = {answer.json()["refresh_token"] for answer in answers}
    assert is_let_in(client, good(gone_on(client, next)).json()["access_token"])


def test_once_the_moment_is_over_the_one_before_is_an_old_one(
    person: Visitor, client: TestClient, owner: psycopg.Connection
) -> None:
    first = signed_in(person)
    newer = good(gone_on(client, first["refresh_token"])).json()
    session = session_of(first["access_token"])
    owner.execute(
        "UPDATE secrets.sessions SET rotated_at = rotated_at - interval '31 seconds' WHERE id = %s", [session]
    )
    assert gone_on(client, first["refresh_token"]).status_code == 401
    assert not is_let_in(client, newer["access_token"])


@pytest.mark.parametrize(("column", "days"), [("used_at", 31), ("begun_at", 181)])
def test_a_session_that_nobody_used_and_one_that_is_old_run_out(
    person: Visitor, client: TestClient, owner: psycopg.Connection, column: str, days: int
) -> None:
    first = signed_in(person)
    owner.execute(
        f"UPDATE secrets.sessions SET {column} = {column} - make_interval(days => %s) WHERE id = %s",
        [days, session_of(first["access_token"])],
    )
    assert gone_on(client, first["refresh_token"]).status_code == 401
    assert len(person.get("/auth/sessions")) == 1


@pytest.mark.parametrize("token", ["", "x", "=" * 86, "A" * 86, "A" * 88, "ä" * 20, "x" * 200])
def test_what_was_never_given_here_is_no_refresh_token(client: TestClient, token: str) -> None:
    answer = gone_on(client, token)
    assert answer.status_code == 401
    assert not token or token not in answer.text


def test_somebody_who_makes_tokens_up_ends_nobodys_session(person: Visitor, client: TestClient) -> None:
    good_one = signed_in(person)["refresh_token"]
    for changed in (good_one[:-1] + ("A" if good_one[-1] != "A" else "B"), good_one[:40] + "AAAA" + good_one[44:]):
        assert gone_on(client, changed).status_code == 401
    good(gone_on(client, good_one))


def test_signing_out_holds_at_once_and_for_this_session_only(person: Visitor, client: TestClient) -> None:
    one, other = signed_in(person), signed_in(person)
    Visitor(client, one["access_token"]).post("/auth/logout")
    assert not is_let_in(client, one["access_token"])
    assert gone_on(client, one["refresh_token"]).status_code == 401
    assert is_let_in(client, other["access_token"])


def test_signing_out_everywhere_ends_all(person: Visitor, client: TestClient) -> None:
    several = [signed_in(person) for _ in range(3)]
    person.post("/auth/logout-everywhere")
    assert not any(is_let_in(client, each["access_token"]) for each in several)
    assert not is_let_in(client, person.token or "")
    assert {gone_on(client, each["refresh_token"]).status_code for each in several} == {401}


def test_another_process_hears_of_it_at_once(person: Visitor, client: TestClient, settings: Settings) -> None:
    with TestClient(create_app(settings)) as other:
        while not other.app.state.house.ended.is_listening:  # type: ignore[attr-defined]
            time.sleep(0.01)
        assert is_let_in(other, person.token or "")
        person.post("/auth/logout")
        begun = time.monotonic()
        while is_let_in(other, person.token or ""):
            assert time.monotonic() - begun < 1.0
    with TestClient(create_app(settings)) as later:
        assert not is_let_in(later, person.token or ""), "also one that was not there when it ended"


def test_a_process_that_hears_of_nothing_asks(
    person: Visitor, client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = settings.need("database_url")
    with Proxy(urlsplit(url).port or 0) as road:
        monkeypatch.setattr("infra.ended.listening", lambda _, *followed: listening(road.instead(url), *followed))
        with TestClient(create_app(settings)) as other:
            ended = other.app.state.house.ended  # type: ignore[attr-defined]
            waited(lambda: ended.is_listening, 30, "it hears of what ends")
            with road.cut():
                waited(lambda: not ended.is_listening, 30, "it hears of nothing")
                assert is_let_in(other, person.token or "")
                person.post("/auth/logout")
                assert not is_let_in(other, person.token or "")


@pytest.mark.parametrize(("age", "is_alive"), [(LIFE - 60, True), (LIFE + 60, False)])
def test_a_browser_keeps_its_cookie_for_as_long_as_an_unused_session_lives(
    settings: Settings, age: int, is_alive: bool
) -> None:
    unused = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    session = json.dumps({"begun_at": unused, "used_at": unused})
    with psycopg.connect(settings.need("database_url")) as connection:
        row = connection.execute(
            "SELECT secrets.is_alive(jsonb_populate_record(NULL::secrets.sessions, %s::jsonb))", (session,)
        ).fetchone()
    assert row == (is_alive,)


def test_the_list_of_sessions_says_from_where_and_which_one_this_is(person: Visitor, client: TestClient) -> None:
    client.post(f"{PREFIX}/auth/login", json=credentials(person), headers={"User-Agent": "curl/8"})
    listed = person.get("/auth/sessions")
    assert listed[0]["device"] == "curl/8"
    assert [each["current"] for each in listed] == [False, True]
    assert all(each["address"] == "testclient" and each["organization_id"] == person.organization for each in listed)


def test_the_list_of_sessions_says_when_each_last_went_on_and_begins_with_that(
    person: Visitor, client: TestClient
) -> None:
    first, second = signed_in(person), signed_in(person)
    ids = [session_of(each["access_token"]) for each in (first, second)]
    before = {each["id"]: each for each in person.get("/auth/sessions")}
    good(gone_on(client, first["refresh_token"]))
    listed = person.get("/auth/sessions")
    assert [each["id"] for each in listed[:2]] == ids
    used = [datetime.fromisoformat(each["used_at"]) for each in listed[:2]]
    assert used[0] > used[1] == datetime.fromisoformat(before[ids[1]]["used_at"])
    assert used[0] > datetime.fromisoformat(before[ids[0]]["used_at"])
    assert [each["begun_at"] for each in listed[:2]] == [before[id]["begun_at"] for id in ids]


def test_one_session_is_ended_from_another(person: Visitor, client: TestClient, bob: Visitor) -> None:
    other = signed_in(person)
    session = session_of(other["access_token"])
    assert bob("DELETE", f"/auth/sessions/{session}").status_code == 404
    assert is_let_in(client, other["access_token"])
    good(person("DELETE", f"/auth/sessions/{session}"))
    assert not is_let_in(client, other["access_token"])
    assert person("DELETE", f"/auth/sessions/{uuid4()}").status_code == 404


def test_a_sign_in_that_is_sent_twice_with_one_key_is_one_session(person: Visitor, client: TestClient) -> None:
    before, stranger = len(person.get("/auth/sessions")), Visitor(client)
    first = stranger.post("/auth/login", credentials(person, refresh="body"), key="once")
    again = stranger("POST", "/auth/login", credentials(person, refresh="body"), key="once")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:tokens-were-shown")
    assert len(person.get("/auth/sessions")) == before + 1
    good(gone_on(client, first["refresh_token"]))
    other = stranger("POST", "/auth/login", credentials(person), key="once")
    assert (other.status_code, other.json()["type"]) == (422, "urn:vistory:problem:key-reused")


def test_nobody_goes_over_to_an_organization_that_is_not_theirs(person: Visitor, bob: Visitor) -> None:
    assert person("POST", "/auth/switch", {"organization_id": bob.organization}).status_code == 404
    answer = person("POST", "/auth/login", credentials(person, organization_id=bob.organization))
    assert answer.status_code == 404


def test_going_over_to_where_one_is_mints_another_token(person: Visitor, client: TestClient) -> None:
    pair = person.post("/auth/switch", {"organization_id": person.organization})
    assert session_of(pair["access_token"]) == session_of(person.token or "")
    assert is_let_in(client, pair["access_token"])


def test_going_over_to_another_organization_mints_a_token_that_names_it_and_acts_there(
    person: Visitor, bob: Visitor, client: TestClient, delivered: Delivered
) -> None:
    delivered()
    bob.verified().post("/invitations", {"email": person.email, "role": "engineer_i"})
    (letter,) = (each for each in delivered() if each.letter["to"] == person.email and "#token" in each.text)
    person.post("/invitations/accept", {"token": token_in(letter, "invite")})
    begun = signed_in(person)
    here = Visitor(client, begun["access_token"])
    pair = here.post("/auth/switch", {"organization_id": bob.organization})
    claims = claims_of(pair["access_token"])
    assert (claims["organization_id"], claims["role"]) == (bob.organization, "engineer_i")
    assert (claims["sub"], claims["sid"]) == (person.id, session_of(begun["access_token"]))
    there = Visitor(client, pair["access_token"])
    project = there.post("/projects", {"name": "there"})["id"]
    assert bob.get(f"/projects/{project}", Vistory_Min_Position=there.seen)["owner_id"] == person.id
    assert here("GET", f"/projects/{project}", Vistory_Min_Position=there.seen).status_code == 404
    assert claims_of(begun["access_token"])["organization_id"] == person.organization
    later = good(gone_on(client, begun["refresh_token"])).json()["access_token"]
    assert claims_of(later)["organization_id"] == bob.organization, "the session has gone over, too"


def test_a_socket_of_a_session_that_has_ended_is_refused(person: Visitor, client: TestClient) -> None:
    person.post("/auth/logout")
    with client.websocket_connect(f"{PREFIX}/training-jobs/{uuid4()}/live") as socket:
        socket.send_json({"token": person.token})
        assert socket.receive()["code"] == 4401


def test_mlflow_is_closed_to_a_session_that_has_ended(person: Visitor, client: TestClient) -> None:
    person.post("/auth/logout")
    assert client.get("/mlflow/", headers={"Authorization": f"Bearer {person.token}"}).status_code == 401


def test_a_browser_keeps_the_refresh_token_where_no_script_reads_it(person: Visitor, browser: TestClient) -> None:
    answer = browser.post(f"{PREFIX}/auth/login", json=credentials(person))
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=strict", "secure", f"path={PATH}"):
        assert word in cookie
    assert browser.cookies[NAME] not in answer.text
    first = browser.cookies[NAME]
    assert good(browser.post(PATH, json={}, headers=SAME)).json()["refresh_token"] is None
    assert browser.cookies[NAME] != first


def test_a_cookie_without_https_may_travel_without_it(person: Visitor, client: TestClient) -> None:
    answer = client.post(f"{PREFIX}/auth/login", json=credentials(person))
    assert "secure" not in answer.headers["set-cookie"].lower()


def test_signing_out_takes_the_cookie_away(person: Visitor, browser: TestClient) -> None:
    token = browser.post(f"{PREFIX}/auth/login", json=credentials(person)).json()["access_token"]
    good(browser.post(f"{PREFIX}/auth/logout", json={}, headers={"Authorization": f"Bearer {token}"}))
    assert NAME not in browser.cookies


@pytest.mark.parametrize(
    ("shut", "way_out"), [("removed", "one"), ("removed", "here"), ("removed", "everywhere"), ("deactivated", "here")]
)
def test_who_is_let_in_no_more_signs_out_and_the_cookie_goes(
    person: Visitor, browser: TestClient, shut: str, way_out: str
) -> None:
    ben = person.colleague("guest")
    token = browser.post(f"{PREFIX}/auth/login", json=credentials(ben)).json()["access_token"]
    here, member = Visitor(browser, token), f"/admin/users/{ben.id}"
    good(person("DELETE", member) if shut == "removed" else person("POST", f"{member}/deactivate", {}))
    assert here("GET", "/projects").status_code == 401
    assert session_of(token) in [each["id"] for each in here.get("/auth/sessions")]
    ways = {
        "here": "/auth/logout",
        "everywhere": "/auth/logout-everywhere",
        "one": f"/auth/sessions/{session_of(token)}",
    }
    good(here("DELETE" if way_out == "one" else "POST", ways[way_out], {}))
    assert NAME not in browser.cookies
    assert here("GET", "/auth/sessions").status_code == 401


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://vistory.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://vistory.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://vistory.example"}, 403),
        ({"Origin": "https://vistory.example:8443"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://vistory.example.evil.example"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_is_taken_from_our_own_pages_only(
    person: Visitor, browser: TestClient, said: dict[str, str], status: int
) -> None:
    browser.post(f"{PREFIX}/auth/login", json=credentials(person))
    before = browser.cookies[NAME]
    assert browser.post(PATH, json={}, headers=said).status_code == status
    assert (browser.cookies[NAME] == before) is (status == 403)


def test_without_a_cookie_and_a_body_there_is_nothing_to_go_on_with(client: TestClient) -> None:
    client.cookies.clear()
    assert client.post(PATH, json={}, headers=SAME).status_code == 401


def test_what_is_kept_of_a_refresh_token_is_no_refresh_token(
    person: Visitor, client: TestClient, owner: psycopg.Connection
) -> None:
    first = signed_in(person)
    second = good(gone_on(client, first["refresh_token"])).json()
    row = owner.execute(
        "SELECT refresh, previous, successor FROM secrets.sessions WHERE id = %s",
        [UUID(session_of(first["access_token"]))],
    ).fetchone()
    assert row is not None
    kept = b"".join(row)
    for each in (first, second):
        assert urlsafe_b64decode(each["refresh_token"])[16:48] not in kept


def test_the_application_cannot_read_what_is_kept_of_refresh_tokens(settings: Settings) -> None:
    with psycopg.connect(settings.need("database_url")) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT refresh FROM secrets.sessions")
