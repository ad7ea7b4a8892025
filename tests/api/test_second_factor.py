"""A second factor over HTTP, as a person with an authenticator app has it, and as somebody who guesses."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from psycopg.conninfo import conninfo_to_dict

from infra.config import Settings
from infra.provision import OWNER
from infra.second_factors import SECONDS
from tests.api.letters import Delivered
from tests.api.phone import Phone, phone, secured
from tests.api.visitor import PASSWORD, PREFIX, Visitor, good
from tests.servers import Servers

REQUIRED = "urn:vistory:problem:second-factor-is-required"


@pytest.fixture(scope="module")
def owner(servers: Servers, settings: Settings) -> Iterator[psycopg.Connection]:
    database = str(conninfo_to_dict(settings.need("database_url"))["dbname"])
    with psycopg.connect(servers.parts.database_url(OWNER, database), autocommit=True) as connection:
        yield connection


def minutes_pass(owner: psycopg.Connection, person: Visitor) -> None:
    """What was used just now was used long ago."""
    owner.execute("UPDATE secrets.second_factors SET last_step = last_step - 10 WHERE person_id = %s", [person.id])


def begun(person: Visitor) -> dict[str, Any]:
    offer: dict[str, Any] = person.post("/auth/second-factor/begin", {"password": PASSWORD})
    return offer


def turned_on(person: Visitor, owner: psycopg.Connection) -> tuple[Phone, list[str]]:
    found = secured(person)
    minutes_pass(owner, person)
    return found


def challenged(person: Visitor, **other: Any) -> str:
    """The first step."""
    answer = Visitor(person.client)("POST", "/auth/login", {"email": person.email, "password": PASSWORD, **other})
    assert answer.status_code == 202
    assert answer.json().keys() == {"challenge", "expires_in"}
    return str(answer.json()["challenge"])


def answered(person: Visitor, challenge: str, code: str, key: str | None = None) -> Response:
    """The second."""
    body = {"challenge": challenge, "code": code, "refresh": "body"}
    return Visitor(person.client)("POST", "/auth/login/second-factor", body, key)


@pytest.fixture
def person(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def test_it_is_set_up_with_what_every_authenticator_reads(person: Visitor) -> None:
    assert person.get("/auth/second-factor") == {"on": False, "required": False, "recovery_codes_left": 0}
    offer = begun(person)
    uri = urlsplit(offer["uri"])
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", f"/Vistory:{person.email}")
    fields = {name: value for name, (value,) in parse_qs(uri.query).items()}
    assert fields == {
        **{"secret": offer["secret"], "issuer": "Vistory"},
        **{"algorithm": "SHA1", "digits": "6", "period": "30"},
    }
    assert len(base64.b32decode(offer["secret"])) == 20
    assert offer["qr"].startswith("data:image/svg+xml")
    left = datetime.fromisoformat(offer["confirm_until"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    codes = person.post("/auth/second-factor/confirm", {"code": phone(offer["secret"])()})["recovery_codes"]
    assert len(set(codes)) == 10
    assert person.get("/auth/second-factor") == {"on": True, "required": False, "recovery_codes_left": 10}
    assert person.get("/auth/me")["second_factor"] is True


def test_what_is_offered_and_not_confirmed_changes_nothing(person: Visitor) -> None:
    begun(person)
    assert person("POST", "/auth/second-factor/confirm", {"code": "2345-6789-abcd"}).status_code == 403
    person.sign_in()
    assert person.get("/auth/me")["second_factor"] is False


def test_the_secret_is_told_once(person: Visitor, owner: psycopg.Connection) -> None:
    first = person.post("/auth/second-factor/begin", {"password": PASSWORD}, key="begin")
    assert person.post("/auth/second-factor/begin", {"password": PASSWORD}, key="begin")["secret"] == first["secret"]
    good(person("POST", "/auth/second-factor/confirm", {"code": phone(first["secret"])()}, key="confirm"))
    body = {"code": phone(first["secret"])()}
    for path, key, again in (
        ("begin", "begin", {"password": PASSWORD}),
        ("confirm", "confirm", body),
        ("begin", None, {"password": PASSWORD}),
        ("confirm", None, body),
    ):
        answer = person("POST", f"/auth/second-factor/{path}", again, key)
        assert answer.status_code == 409, answer.text
        assert first["secret"] not in answer.text


def test_signing_in_takes_two_steps_and_no_session_is_begun_by_the_first(
    person: Visitor, owner: psycopg.Connection
) -> None:
    shows, _ = turned_on(person, owner)
    before = len(person.get("/auth/sessions"))
    challenge = challenged(person)
    assert len(person.get("/auth/sessions")) == before
    assert Visitor(person.client, challenge)("GET", "/auth/me").status_code == 401
    signed_in = good(answered(person, challenge, shows()))
    person.seen, answer = signed_in.headers["Vistory-Position"], signed_in.json()
    assert answer["person"]["id"] == person.id
    assert answer["refresh_token"]
    assert Visitor(person.client, answer["access_token"]).get("/auth/me")["second_factor"] is True
    assert len(person.get("/auth/sessions")) == before + 1
    (told, *_) = person.get("/audit/me?action=sign_in")["items"]
    assert told["changes"] == {"means": {"old": None, "new": ["password", "totp"]}}


def test_a_browser_gets_its_cookie_with_the_second_step(person: Visitor, owner: psycopg.Connection) -> None:
    shows, _ = turned_on(person, owner)
    first = person.client.post(f"{PREFIX}/auth/login", json={"email": person.email, "password": PASSWORD})
    assert "set-cookie" not in first.headers
    body = {"challenge": first.json()["challenge"], "code": shows()}
    second = good(person.client.post(f"{PREFIX}/auth/login/second-factor", json=body))
    assert "httponly" in second.headers["set-cookie"].lower()
    assert second.json()["refresh_token"] is None


def test_a_wrong_password_is_answered_as_ever(person: Visitor, owner: psycopg.Connection) -> None:
    turned_on(person, owner)
    wrong = Visitor(person.client)("POST", "/auth/login", {"email": person.email, "password": "not this one"})
    unknown = Visitor(person.client)("POST", "/auth/login", {"email": "nobody@b.example", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]


@pytest.mark.parametrize(("steps", "status"), [(-2, 403), (-1, 200), (1, 200), (2, 403)])
def test_the_clock_of_a_phone_may_be_wrong_by_a_step(
    person: Visitor, owner: psycopg.Connection, steps: int, status: int
) -> None:
    shows, _ = turned_on(person, owner)
    assert answered_within_a_step(person, lambda: shows(steps)) == status


def answered_within_a_step(person: Visitor, shown: Callable[[], str]) -> int:
    """Asked again where the code became another one while it was on its way."""
    while True:
        challenge, step = challenged(person), time.time() // SECONDS
        status = answered(person, challenge, shown()).status_code
        if time.time() // SECONDS == step:
            return status


def test_a_code_is_good_once_also_in_the_moment_in_which_it_is_shown(
    person: Visitor, owner: psycopg.Connection
) -> None:
    shows, _ = turned_on(person, owner)
    code = shows()
    good(answered(person, challenged(person), code))
    again = answered(person, challenged(person), code)
    assert (again.status_code, again.json()["type"]) == (403, "urn:vistory:problem:wrong-code")
    off = person("POST", "/auth/second-factor/off", {"password": PASSWORD, "code": code})
    assert off.status_code == 403


@pytest.mark.parametrize("which", ["code", "recovery code"])
def test_of_many_that_give_one_at_once_one_is_let_in(person: Visitor, owner: psycopg.Connection, which: str) -> None:
    shows, recovery = turned_on(person, owner)
    challenge, code = challenged(person), shows() if which == "code" else recovery[0]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: answered(person, challenge, code).status_code, range(4)))
    assert sorted(answers) == [200, 403, 403, 403]


def test_a_sign_in_that_is_sent_twice_with_one_key_is_one_session(person: Visitor, owner: psycopg.Connection) -> None:
    shows, _ = turned_on(person, owner)
    before, challenge, code = len(person.get("/auth/sessions")), challenged(person), shows()
    first = good(answered(person, challenge, code, key="once")).json()
    again = answered(person, challenge, code, key="once")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:tokens-were-shown")
    assert len(person.get("/auth/sessions")) == before + 1
    good(Visitor(person.client)("POST", "/auth/refresh", {"refresh_token": first["refresh_token"]}))


def test_what_was_recorded_of_the_second_step_lets_nobody_in(person: Visitor, owner: psycopg.Connection) -> None:
    shows, _ = turned_on(person, owner)
    challenge, code = challenged(person), shows()
    good(answered(person, challenge, code, key="recorded"))
    away = Visitor(TestClient(person.client.app, client=("10.9.0.1", 1)))
    body = {"challenge": challenge, "code": code, "refresh": "body"}
    for key, status in (("recorded", 409), ("another", 403), (None, 403)):
        answer = away("POST", "/auth/login/second-factor", body, key)
        assert answer.status_code == status
        assert "token" not in answer.json()


def test_a_recovery_code_signs_in_once(person: Visitor, owner: psycopg.Connection) -> None:
    _, codes = turned_on(person, owner)
    person.seen = good(answered(person, challenged(person), codes[3].upper())).headers["Vistory-Position"]
    assert answered(person, challenged(person), codes[3]).status_code == 403
    assert person.get("/auth/second-factor")["recovery_codes_left"] == 9
    (told, *_) = person.get("/audit/me?action=sign_in")["items"]
    assert told["changes"] == {"means": {"old": None, "new": ["password", "recovery_code"]}}


def test_new_recovery_codes_take_the_place_of_all_others(person: Visitor, owner: psycopg.Connection) -> None:
    shows, old = turned_on(person, owner)
    body = {"password": PASSWORD, "code": shows()}
    fresh = person.post("/auth/second-factor/recovery-codes", body, key="renew")["recovery_codes"]
    assert not set(fresh) & set(old)
    assert person("POST", "/auth/second-factor/recovery-codes", body, key="renew").status_code == 409
    assert answered(person, challenged(person), old[0]).status_code == 403
    good(answered(person, challenged(person), fresh[0]))


def test_a_challenge_is_good_for_five_minutes_and_for_its_person(
    person: Visitor, bob: Visitor, owner: psycopg.Connection
) -> None:
    shows, codes = turned_on(person, owner)
    house = person.client.app.state.house  # type: ignore[attr-defined]
    then = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
    late = house.tokens.challenge(UUID(person.id), UUID(person.organization), 1, then)
    assert answered(person, late, shows()).status_code == 401
    forged = challenged(person)[:-3] + "AAA"
    assert answered(person, forged, shows()).status_code == 401
    assert answered(person, person.token or "", shows()).status_code == 401
    theirs = house.tokens.challenge(UUID(bob.id), UUID(bob.organization), 1, datetime.now(UTC))
    assert answered(person, theirs, shows()).status_code == 401, "bob has none"
    assert answered(person, challenged(person), codes[0]).status_code == 200


def test_whoever_guesses_waits(person: Visitor, owner: psycopg.Connection) -> None:
    shows, codes = turned_on(person, owner)
    challenge = challenged(person)
    wrong = [answered(person, challenge, f"{guess:06}").status_code for guess in range(5)]
    assert wrong == [403] * 5
    refused = answered(person, challenge, shows())
    assert refused.status_code == 429, "also the right one: an answer would tell that it is"
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"] == "urn:vistory:problem:tried-too-often", "no load that passes"
    assert answered(person, challenged(person), codes[0]).status_code == 429, "another challenge is no other try"


def test_it_is_turned_off_by_password_and_code(person: Visitor, owner: psycopg.Connection) -> None:
    shows, codes = turned_on(person, owner)
    for body in ({"password": "not this one", "code": shows()}, {"password": PASSWORD, "code": "not-a-code"}):
        assert person("POST", "/auth/second-factor/off", body).status_code == 403
    assert person("POST", "/auth/second-factor/off", {"code": shows()}).status_code == 422
    person.post("/auth/second-factor/off", {"password": PASSWORD, "code": shows()})
    person.sign_in()
    assert person.get("/auth/second-factor") == {"on": False, "required": False, "recovery_codes_left": 0}
    assert answered(person, challenged_by_hand(person), codes[0]).status_code == 401


def challenged_by_hand(person: Visitor) -> str:
    """Of before it was turned off."""
    house = person.client.app.state.house  # type: ignore[attr-defined]
    return str(house.tokens.challenge(UUID(person.id), UUID(person.organization), 1, datetime.now(UTC)))


def test_who_has_the_session_and_not_the_password_sets_nothing_up(person: Visitor) -> None:
    answer = person("POST", "/auth/second-factor/begin", {"password": "not this one"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:vistory:problem:wrong-password")


def test_an_admin_takes_it_away_from_a_member_who_lost_it(person: Visitor, owner: psycopg.Connection) -> None:
    member = person.colleague("engineer_i")
    _, codes = turned_on(member, owner)
    challenge = challenged(member)
    found = person.get(f"/admin/users/{member.id}", Vistory_Min_Position=member.seen)
    assert found["second_factor"] is True
    (listed,) = [each for each in person.get("/admin/users")["items"] if each["person_id"] == member.id]
    assert listed["second_factor"] is True
    assert "second_factor" not in person.get("/members")["items"][0], "only who manages members is told"
    assert member("DELETE", f"/admin/users/{member.id}/second-factor").status_code == 403
    good(person("DELETE", f"/admin/users/{member.id}/second-factor"))
    assert person("DELETE", f"/admin/users/{member.id}/second-factor").status_code == 409
    assert person.get(f"/admin/users/{member.id}")["second_factor"] is False
    assert answered(member, challenge, codes[0]).status_code == 401
    member.sign_in()
    (told,) = person.get("/audit/organization?action=reset")["items"]
    assert (told["person_id"], told["entity_type"]) == (member.id, "second_factor")
    assert re.fullmatch(r"Ann Ö \(admin\) took away the second factor of Ann Ö", told["sentence"])


def test_whatever_happens_to_it_is_told_by_mail(
    person: Visitor, owner: psycopg.Connection, delivered: Delivered
) -> None:
    member = person.colleague("engineer_i").elsewhere()

    def told() -> list[str]:
        return [str(each.letter["subject"]) for each in delivered() if each.letter["to"] == member.email]

    told()
    shows, codes = turned_on(member, owner)
    assert told() == ["A second factor was turned on for your account at Vistory"]
    good(answered(member, challenged(member), shows()))
    assert told() == [], "who signs in as ever is not written to"
    good(answered(member, challenged(member), codes[0]))
    assert told() == ["A recovery code of your account at Vistory was used"]
    fresh = member.post("/auth/second-factor/recovery-codes", {"password": PASSWORD, "code": codes[1]})
    assert told() == ["New recovery codes for your account at Vistory"]
    member.post("/auth/second-factor/off", {"password": PASSWORD, "code": fresh["recovery_codes"][0]})
    assert told() == ["The second factor of your account at Vistory was turned off"]
    good(member("PUT", "/auth/me/language", {"language": "ko"}))
    turned_on(member, owner)
    assert told() == ["Vistory 2단계 인증이 설정되었습니다"]
    good(person("DELETE", f"/admin/users/{member.id}/second-factor"))
    assert told() == ["Vistory 2단계 인증이 초기화되었습니다"]


def test_a_wrong_recovery_code_is_noted_as_one(person: Visitor, owner: psycopg.Connection) -> None:
    turned_on(person, owner)
    for code in ("000000", "2345-6789-abcd", "2345 6789 abcd"):
        assert answered(person, challenged(person), code).status_code == 403
    noted = {each["kind"]: each["count"] for each in person.get("/admin/security")["items"]}
    assert noted == {"second_factor_failed": 1, "recovery_code_failed": 2}


def test_an_admin_of_another_organization_finds_nobody(
    person: Visitor, bob: Visitor, owner: psycopg.Connection
) -> None:
    turned_on(person, owner)
    assert bob("DELETE", f"/admin/users/{person.id}/second-factor").status_code == 404
    challenged(person)


@pytest.fixture
def strict(person: Visitor, owner: psycopg.Connection) -> Visitor:
    """The admin of an organization that asks for it of all."""
    turned_on(person, owner)
    good(person("PATCH", "/organization", {"second_factor_required": True}))
    return person


def test_who_asks_it_of_others_has_one(person: Visitor) -> None:
    answer = person("PATCH", "/organization", {"second_factor_required": True, "name": "Other"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:second-factor-is-off")
    assert person.get("/organization")["second_factor_required"] is False
    assert person.get("/organization")["name"] != "Other"


def test_until_a_member_has_one_only_setting_it_up_is_open(
    founder: Callable[[], Visitor], owner: psycopg.Connection
) -> None:
    admin = founder()
    member = admin.colleague("manager")
    program = member.program("read")
    good(program("GET", "/projects"))
    turned_on(admin, owner)
    good(admin("PATCH", "/organization", {"second_factor_required": True}))
    for method, path, body in (
        ("GET", "/projects", None),
        ("POST", "/projects", {"name": "P"}),
        ("GET", "/admin/users", None),
        ("GET", "/users/me/export", None),
        ("DELETE", "/users/me", None),
        ("PATCH", "/users/me", {"full_name": "N"}),
        ("POST", "/tokens", {"name": "T"}),
        ("GET", "/organization", None),
    ):
        answer = member(method, path, body)
        assert (answer.status_code, answer.json()["type"]) == (403, REQUIRED), path
        assert "POST /api/v1/auth/second-factor/begin" in answer.json()["detail"]
    assert program("GET", "/projects").json()["type"] == REQUIRED, "nor to what carries a token of theirs"
    assert member.client.get("/mlflow/", headers={"Authorization": f"Bearer {member.token}"}).status_code == 403
    member.sign_in()
    standing = member.get("/auth/me")
    assert (standing["second_factor"], standing["second_factor_required"]) == (False, True)
    assert member.get("/auth/second-factor")["required"] is True
    assert member("GET", "/auth/sessions").is_success
    _, codes = turned_on(member, owner)
    good(member("POST", "/projects", {"name": "P"}))
    good(program("GET", "/projects"))
    member.post("/auth/second-factor/off", {"password": PASSWORD, "code": codes[0]})
    assert member("GET", "/projects").json()["type"] == REQUIRED
    good(admin("PATCH", "/organization", {"second_factor_required": False}))
    good(member("GET", "/projects"))


def test_that_it_is_asked_for_is_told_and_recorded(strict: Visitor) -> None:
    assert strict.get("/organization")["second_factor_required"] is True
    (told, *_) = strict.get("/audit/organization?entity_type=security_policy")["items"]
    assert told["changes"] == {"required": {"old": False, "new": True}}
    assert told["sentence"].endswith("whether every member needs a second factor from False to True")


def test_no_answer_and_no_event_tells_the_secret_again(person: Visitor, owner: psycopg.Connection) -> None:
    offer = begun(person)
    codes = person.post("/auth/second-factor/confirm", {"code": phone(offer["secret"])()})["recovery_codes"]
    (states,) = owner.execute("SELECT string_agg(convert_from(state, 'UTF8'), '') FROM ledger.events").fetchone() or (
        "",
    )
    kept = owner.execute("SELECT key_version, nonce, ciphertext FROM secrets.second_factors").fetchall()
    digests = owner.execute("SELECT digest FROM secrets.recovery_codes").fetchall()
    results = owner.execute("SELECT string_agg(result::text, '') FROM ledger.commands").fetchone()
    for word in (offer["secret"], *codes, *(code.replace("-", "") for code in codes)):
        assert word not in states
        assert word not in str((kept, digests, results))
        assert word not in str(person.get("/audit/me?noisy=true")) + str(person.get("/auth/me"))
    assert base64.b32decode(offer["secret"]) not in b"".join(row[2] for row in kept)


def test_the_form_of_a_browser_takes_an_api_token_where_a_password_alone_is_not_enough(
    person: Visitor, owner: psycopg.Connection
) -> None:
    turned_on(person, owner)
    token = person.program("read").token or ""

    def status(word: str) -> int:
        given = base64.b64encode(f"{person.email}:{word}".encode()).decode()
        return person.client.get("/mlflow/", headers={"Authorization": f"Basic {given}"}).status_code

    assert status(PASSWORD) == 401
    assert status(token[:-1]) == 401
    assert status(token) not in (401, 403)
