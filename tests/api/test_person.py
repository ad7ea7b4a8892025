import json
import time
from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from fastapi.testclient import TestClient

from api import registration as route
from infra.letters import addressed
from tests.api.visitor import PASSWORD, PREFIX, Visitor


def registration(email: str, **other: str) -> dict[str, str]:
    who = {"email": email, "full_name": "Ann Ö", "password": PASSWORD, "company": "Opal", "division": "One"}
    return who | other


def test_the_first_member_is_admin_and_a_later_one_waits(stranger: Visitor) -> None:
    first = stranger.post("/auth/register", registration("first@opal.example"))
    second = stranger.post("/auth/register", registration("second@opal.example", company=" OPAL "))
    assert (first["status"], first["role"]) == ("active", "admin")
    assert (second["status"], second["role"]) == ("waiting", None)
    assert first["organization_id"] == second["organization_id"]


def test_an_avatar_name_is_adjective_noun_number(stranger: Visitor) -> None:
    made = stranger.post("/auth/register", registration("avatar@example.org", company="Avatar"))
    adjective, noun, number = made["avatar_name"].split("-")
    assert adjective.isalpha()
    assert noun.isalpha()
    assert number.isdigit()


def test_nobody_is_called_as_another_also_of_those_who_come_at_once(
    stranger: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "avatar_name", lambda: "same-otter-1000")
    crowd, called = 4, list[str]()
    all_of_them = Barrier(crowd)

    def come(number: int) -> None:
        who = registration(f"crowd{number}@example.org", company=f"Crowd {number % 2}")
        all_of_them.wait()
        called.append(stranger.post("/auth/register", who)["avatar_name"])

    comers = [Thread(target=come, args=(number,)) for number in range(crowd)]
    for comer in comers:
        comer.start()
    for comer in comers:
        comer.join()
    assert sorted(called) == [f"same-otter-{number}" for number in range(1000, 1000 + crowd)]


def test_an_address_is_registered_once_whatever_its_case(stranger: Visitor) -> None:
    stranger.post("/auth/register", registration("twice@example.org", company="Twice"))
    again = stranger("POST", "/auth/register", registration("TWICE@example.org", company="Twice"))
    assert again.status_code == 409
    assert again.json()["type"] == "urn:vistory:problem:email-is-taken"


def test_a_password_in_a_bad_request_is_not_repeated(stranger: Visitor) -> None:
    answer = stranger("POST", "/auth/register", registration("x@example.org", password="geheim", nickname="y"))
    assert answer.status_code == 422
    assert "geheim" not in answer.text
    assert {fault["field"] for fault in answer.json()["errors"]} == {"body.password", "body.nickname"}


@pytest.mark.parametrize(
    "password", ["x", "x" * 257, "password12345", "Weak@example.org", "weak@example.org", "Ann Ö Ann Ö"]
)
def test_a_password_that_anybody_would_try_first_is_refused(stranger: Visitor, password: str) -> None:
    answer = stranger("POST", "/auth/register", registration("weak@example.org", company="Weak", password=password))
    assert answer.status_code == 422
    assert password == "x" or password not in answer.text


def test_a_password_of_a_megabyte_is_not_even_read(stranger: Visitor) -> None:
    begun = time.monotonic()
    answer = stranger("POST", "/auth/register", registration("long@example.org", password="x" * 2**20))
    assert answer.status_code in (401, 413), "whoever nobody knows says 64 KiB at most"
    answer = stranger("POST", "/auth/login", {"email": "long@example.org", "password": "x" * 2**15})
    assert answer.status_code == 422
    assert time.monotonic() - begun < 2.0


def test_a_name_of_ten_megabytes_is_not_even_read(stranger: Visitor, ann: Visitor) -> None:
    who = registration("long@example.org", full_name="x" * 10 * 2**20)
    assert stranger("POST", "/auth/register", who).status_code == 413
    assert ann("POST", "/auth/register", who).status_code == 413
    assert ann("PATCH", "/users/me", {"full_name": who["full_name"]}).status_code == 413


@pytest.mark.parametrize(
    "name", ["Ann\x00", "Ann\nBcc: x", "Ann\x1b[31m", "Ann\u202eneB", "\u2066Ann\u2069", "x" * 201, " "]
)
def test_a_name_that_steers_what_it_is_shown_on_is_refused(stranger: Visitor, ann: Visitor, name: str) -> None:
    who = registration("steering@example.org", full_name=name, company="Steering")
    assert stranger("POST", "/auth/register", who).status_code == 422
    assert ann("PATCH", "/users/me", {"full_name": name}).status_code == 422
    by_letter = {"token": "made-up", "full_name": name, "password": PASSWORD}
    assert stranger("POST", "/invitations/accept", by_letter).status_code == 422


@pytest.mark.parametrize("name", ["cells\u202e", "ce\u200blls", "\u2066cells", "cel\xadls"], ids=ascii)
def test_nothing_is_called_so_that_it_looks_like_something_else(stranger: Visitor, ann: Visitor, name: str) -> None:
    for where in ("company", "division"):
        who = registration("looking@example.org", **({"company": "Looking", "division": "Alike"} | {where: name}))
        assert stranger("POST", "/auth/register", who).status_code == 422
    assert ann("PATCH", "/organization", {"name": name}).status_code == 422
    for path in ("/projects", "/datasets", "/tokens", "/service-accounts"):
        more = {"scopes": ["read"]} if path == "/tokens" else {"role": "guest"} if path == "/service-accounts" else {}
        answer = ann("POST", path, {"name": name, **more})
        assert answer.status_code == 422
        assert "invisible characters" in answer.text
        assert ann("POST", path, {"name": "cells", **more}).is_success


@pytest.mark.parametrize(
    "more", [{"role": "admin"}, {"organization_id": "x"}, {"operator": True}, {"email_verified": True}]
)
def test_nobody_registers_as_more_than_they_are(stranger: Visitor, more: dict[str, str]) -> None:
    answer = stranger("POST", "/auth/register", registration("more@example.org", company="More") | more)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [f"body.{name}" for name in more]


def test_addresses_that_only_look_alike_are_two_and_those_that_are_typed_otherwise_are_one(stranger: Visitor) -> None:
    for email in ("pal@alike.example", "p\u0430l@alike.example", "pal+tag@alike.example"):
        stranger.post("/auth/register", registration(email, company=f"Alike {email}"))
    for email in ("PAL@alike.example", "\uff50\uff41\uff4c@alike.example", " pal@alike.example"):
        again = stranger("POST", "/auth/register", registration(email, company="Alike"))
        assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:email-is-taken")
    too_long = f"{'a' * 320}@alike.example"
    assert stranger("POST", "/auth/register", registration(too_long, company="Alike")).status_code == 422


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("x@one-box.example", "x@one-box\u3002example"),
        ("x@two\ufe0f-box.example", "x@two-box.example"),
        ("x@b\u00fccher-box.example", "x@xn--bcher-box-q9a.example"),
    ],
    ids=ascii,
)
def test_one_mailbox_is_one_address_however_its_domain_is_written(
    stranger: Visitor, ann: Visitor, first: str, other: str
) -> None:
    assert addressed(first) == addressed(other)
    stranger.post("/auth/register", registration(first, company=f"Box {first}"))
    again = stranger("POST", "/auth/register", registration(other, company="Box"))
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:email-is-taken")
    assert stranger("POST", "/auth/login", {"email": other, "password": PASSWORD}).is_success
    sent = [ann.verified().post("/invitations", {"email": f"y{email}"})["id"] for email in (first, other)]
    assert [ann.get(f"/invitations?status={status}")["items"][0]["id"] for status in ("cancelled", "pending")] == sent


@pytest.mark.parametrize(
    "email", ["x@hid\u200bden.example", "x@hid\xadden.example", "x\u2060@hidden.example"], ids=ascii
)
def test_an_address_that_is_given_hides_nothing(stranger: Visitor, ann: Visitor, email: str) -> None:
    newcomer = registration(email, company="Hidden")
    for path, body in (("/auth/register", newcomer), ("/users/me/email", {"password": PASSWORD}), ("/invitations", {})):
        answer = ann("POST", path, {**body, "email": email})
        assert answer.status_code == 422
        assert "invisible characters" in answer.json()["errors"][0]["detail"]


def test_a_registration_that_is_sent_twice_with_one_key_is_done_once(stranger: Visitor) -> None:
    first = stranger.post("/auth/register", registration("lost@example.org", company="Lost"), key="k1")
    again = stranger.post("/auth/register", registration("lost@example.org", company="Lost"), key="k1")
    assert first == again


def test_one_who_waits_sees_only_who_they_are(founder: Callable[[], Visitor], client: TestClient) -> None:
    admin = founder()
    company = f"Waiting room {admin.id}"
    Visitor(client).register(company=company)
    waiting = Visitor(client).register(company=company)
    assert waiting.get("/auth/me")["status"] == "waiting"
    assert waiting("POST", "/projects", {"name": "Mine"}).status_code == 403


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
def test_half_a_character_is_no_password(client: TestClient, path: str) -> None:
    who = registration("half@example.org") if path == "/auth/register" else {"email": "half@example.org"}
    body = json.dumps(who | {"password": "\ud800" + PASSWORD})
    answer = client.post(PREFIX + path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:vistory:problem:request-is-invalid")
