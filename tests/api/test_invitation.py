"""Invitations over HTTP, with a real mail server: sent, read, accepted and declined by whoever the letter reaches."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from api import acceptance
from api.edge import Desk
from commands.access import Caller, Command
from commands.invitation import InviteToOrganization
from commands.ports import Accepted, Purpose
from consumers import invitation as invitations_kept
from consumers.acting import Platform
from consumers.invitation import expire_due, keep_invitations
from infra.config import Settings
from infra.erased import erase, forget_invitations
from infra.host import Host
from infra.unit import Errand, Unit
from tests.api.letters import Delivered, token_in
from tests.api.phone import secured
from tests.api.test_password import token_of
from tests.api.visitor import PASSWORD, Visitor, good

NEWCOMER = {"full_name": "Dan Ö", "password": PASSWORD}
_addresses = (f"invited{number}@example.org" for number in count(1))


@pytest.fixture(scope="module")
def ann(ann: Visitor) -> Visitor:
    ann.verified()("PATCH", "/organization", {"max_users": 1_000})
    return ann


@pytest.fixture(scope="module")
def project(ann: Visitor) -> str:
    return str(ann.post("/projects", {"name": "cells"})["id"])


@pytest.fixture
def address() -> str:
    return next(_addresses)


@pytest.fixture(scope="module")
def host(settings: Settings, client: TestClient) -> Iterator[Host]:
    with Host.open(settings) as host:
        yield host


def invited(by: Visitor, delivered: Delivered, email: str, **more: Any) -> tuple[str, str]:
    """The invitation's id, and the token of the letter."""
    delivered()
    made = by.post("/invitations", {"email": email, **more})
    (letter,) = delivered()
    assert letter.letter["to"] == email
    return made["id"], token_in(letter, "invite")


def accepted(client: TestClient, token: str, **more: Any) -> Visitor:
    """Whoever has registered by it."""
    newcomer = Visitor(client)
    answer = newcomer.post("/invitations/accept", {"token": token, **NEWCOMER, **more})
    newcomer.token, newcomer.id = answer["access_token"], answer["person"]["id"]
    newcomer.organization = answer["person"]["organization_id"]
    return newcomer


@pytest.mark.parametrize(
    ("type", "roles"),
    [
        ("organization", "'admin', 'manager', 'engineer_ii', 'engineer_i' or 'guest'"),
        ("project", "'maintainer', 'member' or 'viewer'"),
        ("dataset", "'maintainer', 'editor' or 'viewer'"),
    ],
)
def test_a_role_that_there_is_not_is_refused_with_those_of_what_it_is_into(ann: Visitor, type: str, roles: str) -> None:
    answer = ann("POST", "/invitations", {"email": "a@b.example", "type": type, "role": "boss"})
    assert (answer.status_code, answer.json()["detail"]) == (422, f"role: must be {roles}")


def status_of(visitor: Visitor, id: str) -> str:
    return str(next(each["status"] for each in visitor.get("/invitations?everybody=true")["items"] if each["id"] == id))


def test_a_newcomer_is_registered_and_signed_in_by_the_letter(
    ann: Visitor, client: TestClient, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    id, token = invited(ann, delivered, address, role="engineer_i", message="welcome")
    told = stranger.post("/invitations/info", {"token": token})
    assert told == stranger.get(f"/invitations/{token}/info")
    assert told == {
        "inviter": "Ann Ö",
        "organization": f"{ann.company} / Vision",
        "type": "organization",
        "target": f"{ann.company} / Vision",
        "role": "engineer_i",
        "for_anyone": False,
    }
    dan = accepted(client, token)
    me = dan.get("/auth/me")
    assert (me["email"], me["role"], me["status"], me["email_verified"]) == (address, "engineer_i", "active", True)
    assert me["organization_id"] == ann.organization
    assert stranger("POST", "/auth/login", {"email": address, "password": PASSWORD}).status_code == 200
    row = ann.get("/invitations", Vistory_Min_Position=dan.seen)["items"][0]
    assert (row["id"], row["status"], row["person_id"]) == (id, "accepted", dan.id)
    assert (row["email"], row["message"]) == ("[erased]", "[erased]")
    assert delivered() == []


def test_whoever_is_known_is_written_to_in_the_language_that_they_chose(
    ann: Visitor, client: TestClient, delivered: Delivered
) -> None:
    korean = Visitor(client).register("Elsewhere")
    korean("PUT", "/auth/me/language", {"language": "ko"})
    delivered()
    ann.post("/invitations", {"email": korean.email, "role": "engineer_i"})
    (letter,) = delivered()
    assert "초대" in letter.letter["Subject"]
    assert "엔지니어 I" in letter.text


def test_who_was_invited_to_a_project_is_in_it(
    ann: Visitor, client: TestClient, delivered: Delivered, project: str, address: str
) -> None:
    delivered()
    made = ann.post(f"/projects/{project}/members", {"email": address, "role": "viewer"})
    assert made["id"] == project
    (letter,) = delivered()
    dan = accepted(client, token_in(letter, "invite"))
    assert dan.get("/auth/me")["role"] == "guest"
    places = {each["person_id"]: each["role"] for each in dan.get(f"/projects/{project}/members")}
    assert places[dan.id] == "viewer"
    listed = ann.get(f"/invitations?project_id={project}", Vistory_Min_Position=dan.seen)["items"]
    assert [each["id"] for each in listed] == [made["invitation_id"]]


def test_a_colleague_is_in_the_project_at_once(ann: Visitor, delivered: Delivered, project: str) -> None:
    ben = ann.colleague("guest").verified()
    delivered()
    made = ann.post(f"/projects/{project}/members", {"email": ben.email.upper()})
    assert made == {"id": project, "invitation_id": None}
    assert ben.id in {each["person_id"] for each in ann.get(f"/projects/{project}/members")}
    assert delivered() == []


def test_no_answer_tells_who_has_an_account_elsewhere(
    ann: Visitor, bob: Visitor, delivered: Delivered, project: str, address: str
) -> None:
    for path, body in (("/invitations", {}), (f"/projects/{project}/members", {"role": "viewer"})):
        known, unknown = (ann("POST", path, {"email": email, **body}) for email in (bob.email, address))
        assert known.status_code == unknown.status_code
        assert known.json().keys() == unknown.json().keys()


def test_a_person_of_another_organization_accepts_and_goes_on_there(
    ann: Visitor, founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    eve = founder()
    _, token = invited(ann, delivered, eve.email)
    answer = eve.post("/invitations/accept", {"token": token})
    eve.token = answer["access_token"]
    assert (answer["person"]["organization_id"], answer["person"]["role"]) == (ann.organization, "guest")
    assert eve.get("/auth/me")["organization_id"] == ann.organization
    assert eve.get("/auth/me")["email_verified"] is True


@pytest.mark.parametrize("shown", [{}, {"password": PASSWORD}])
def test_nobody_accepts_whose_password_is_another_by_then(
    ann: Visitor, client: TestClient, delivered: Delivered, monkeypatch: pytest.MonkeyPatch, shown: dict[str, str]
) -> None:
    """Let in by the old one, or in a session that began with it, and recorded later."""
    ben = Visitor(client).register("Elsewhere").verified().elsewhere()
    id, token = invited(ann, delivered, ben.email)
    reset, thief = token_of(ben, delivered), Visitor(client, None if shown else ben.token).elsewhere()
    real, waiting = Unit.save, ["for it"]

    def late(unit: Unit, *changed: Any, **named: Any) -> Accepted:
        if waiting:
            waiting.clear()
            ben.post("/auth/reset-password", {"token": reset, "password": "another horse battery"})
        return real(unit, *changed, **named)

    monkeypatch.setattr(Unit, "save", late)
    assert thief("POST", "/invitations/accept", {"token": token, **shown}).status_code == 401
    assert waiting == []
    assert thief.post("/invitations/decline", {"token": token})["id"] == id, "it is pending yet"


def test_a_person_who_was_sent_away_comes_back_by_password_and_link(
    ann: Visitor, client: TestClient, delivered: Delivered
) -> None:
    ben = ann.colleague("guest")
    ann("DELETE", f"/admin/users/{ben.id}")
    assert ben("POST", "/auth/login", {"email": ben.email, "password": PASSWORD}).status_code == 401
    _, token = invited(ann, delivered, ben.email, role="engineer_i")
    stranger = Visitor(client)
    wrong = stranger("POST", "/invitations/accept", {"token": token, "password": "a wrong password"})
    assert wrong.status_code == 401
    assert stranger("POST", "/invitations/accept", {"token": token}).status_code == 401
    answer = stranger.post("/invitations/accept", {"token": token, "password": PASSWORD, "refresh": "body"})
    assert (answer["person"]["id"], answer["person"]["role"]) == (ben.id, "engineer_i")
    assert answer["refresh_token"]


def test_a_person_who_was_sent_away_comes_back_by_nobody_who_lets_nobody_in(
    ann: Visitor, stranger: Visitor, delivered: Delivered
) -> None:
    engineer, gone = ann.colleague("engineer_i"), ann.colleague("guest")
    good(ann("DELETE", f"/admin/users/{gone.id}"))
    mine = engineer.post("/projects", {"name": "mine"})["id"]
    _, token = invited(engineer, delivered, gone.email, type="project", target_id=mine)
    answer = stranger("POST", "/invitations/accept", {"token": token, "password": PASSWORD})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:membership-is-not-active")
    assert engineer.get(f"/projects/{mine}/members") == []


def test_the_address_that_was_written_to_accepts_and_no_other(
    ann: Visitor, bob: Visitor, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    _, token = invited(ann, delivered, address)
    for visitor, body in ((bob, {}), (stranger, {**NEWCOMER, "email": "other@example.org"})):
        answer = visitor("POST", "/invitations/accept", {"token": token, **body})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:invitation-is-for-another")
    stranger.post("/invitations/accept", {"token": token, **NEWCOMER, "email": address.upper()})


def test_whoever_has_the_link_accepts_where_the_invitation_says_so(
    ann: Visitor, client: TestClient, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    _, token = invited(ann, delivered, address, for_anyone=True)
    assert stranger.get(f"/invitations/{token}/info")["for_anyone"] is True
    assert stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER}).status_code == 422
    assert accepted(client, token, email=next(_addresses)).get("/auth/me")["email_verified"] is False


@pytest.mark.parametrize(
    ("way", "more", "refused"),
    [("info", {}, 404), ("decline", {}, 409), ("accept", {**NEWCOMER, "email": "guessing@example.org"}, 409)],
)
def test_who_guesses_a_link_waits_and_whoever_has_one_there_does_not(
    ann: Visitor, stranger: Visitor, address: str, way: str, more: dict[str, str], refused: int
) -> None:
    guesses = [stranger("POST", f"/invitations/{way}", {"token": f"guess {n}", **more}) for n in range(21)]
    assert [each.status_code for each in guesses] == [refused] * 20 + [429]
    assert int(guesses[-1].headers["retry-after"]) > 0
    assert guesses[-1].json()["type"] == "urn:vistory:problem:tried-too-often"
    real = {"token": ann.link(Purpose.INVITATION, ann.post("/invitations", {"email": address})["id"])}
    good(stranger("POST", "/invitations/info", real))
    good(stranger("POST", f"/invitations/{way}", real | (more and NEWCOMER)))


@pytest.mark.parametrize("admission", ["open", "approval", "invitation"])
def test_an_invitation_lets_in_however_one_may_join(
    founder: Callable[[], Visitor], client: TestClient, delivered: Delivered, admission: str, address: str
) -> None:
    admin = founder().verified()
    good(admin("PATCH", "/organization", {"admission": admission}))
    _, token = invited(admin, delivered, address)
    assert accepted(client, token).get("/auth/me")["role"] == "guest"
    who = {**NEWCOMER, "email": next(_addresses), "company": admin.company, "division": "Vision"}
    uninvited = admin("POST", "/auth/register", who)
    expected = {"open": (201, "active"), "approval": (201, "waiting"), "invitation": (409, None)}
    assert (uninvited.status_code, uninvited.json().get("status") if uninvited.is_success else None) == expected[
        admission
    ]


def test_whom_somebody_invites_who_lets_nobody_in_waits(
    ann: Visitor, client: TestClient, delivered: Delivered, address: str
) -> None:
    engineer = ann.colleague("engineer_i").verified()
    mine = engineer.post("/projects", {"name": "mine"})["id"]
    _, token = invited(engineer, delivered, address, type="project", target_id=mine)
    dan = accepted(client, token)
    assert dan.get("/auth/me")["status"] == "waiting"
    assert dan("GET", "/projects").status_code == 403
    waiting = ann.get("/members?waiting=true", Vistory_Min_Position=dan.seen)["items"]
    ann.post(f"/members/{next(m['id'] for m in waiting if m['person_id'] == dan.id)}/approve", {"role": "guest"})
    assert dan("GET", f"/projects/{mine}").status_code == 200


def test_whoever_has_not_verified_the_address_invites_nobody(ann: Visitor, address: str) -> None:
    manager = ann.approve(Visitor(ann.client).arrive(ann.company), "manager")
    id = ann.post("/invitations", {"email": address})["id"]
    for path, body in (("/invitations", {"email": address}), (f"/invitations/{id}/resend", {})):
        answer = manager("POST", path, body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:address-is-not-verified")


def test_whoever_has_not_verified_the_address_gives_no_place_and_is_given_none(ann: Visitor, project: str) -> None:
    dataset = ann.post("/datasets", {"name": "cells"})["id"]
    manager = ann.approve(Visitor(ann.client).arrive(ann.company), "manager")
    member = ann.colleague("guest")
    for thing in (f"/projects/{project}", f"/datasets/{dataset}"):
        for by, person in ((manager, member), (ann, manager)):
            answer = by("POST", f"{thing}/members", {"person_id": person.id})
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:address-is-not-verified")
    refused = manager("POST", f"/projects/{project}/members", {"email": member.email})
    assert refused.json()["type"] == "urn:vistory:problem:address-is-not-verified"
    ann.post(f"/projects/{project}/members", {"person_id": manager.verified().id})


def test_whoever_has_not_verified_the_address_is_invited_to_more_by_mail_only(
    ann: Visitor, delivered: Delivered, project: str, address: str
) -> None:
    cat, eve = (Visitor(ann.client).arrive(company) for company in (ann.company, "Far"))
    ann.approve(cat, "guest")
    delivered()
    assert ann.post(f"/projects/{project}/members", {"email": cat.email})["invitation_id"] is not None
    assert cat.id not in {each["person_id"] for each in ann.get(f"/projects/{project}/members")}
    (letter,) = delivered()
    cat.post("/invitations/accept", {"token": token_in(letter, "invite")})
    assert cat.get("/auth/me")["email_verified"] is True
    assert cat.id in {each["person_id"] for each in cat.get(f"/projects/{project}/members")}
    _, token = invited(ann, delivered, address, for_anyone=True)
    refused = eve("POST", "/invitations/accept", {"token": token})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:vistory:problem:address-is-not-verified")
    assert eve.verified().post("/invitations/accept", {"token": token})["person"]["organization_id"] == ann.organization


def test_nobody_gives_more_than_they_may(ann: Visitor, address: str) -> None:
    manager = ann.colleague("manager").verified()
    assert manager("POST", "/invitations", {"email": address, "role": "manager"}).status_code == 403
    assert manager("POST", "/invitations", {"email": address, "role": "engineer_ii"}).status_code == 201


def test_who_may_not_invite_any_more_lets_nobody_in(
    ann: Visitor, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    manager = ann.colleague("manager").verified()
    _, token = invited(manager, delivered, address)
    ann("PATCH", f"/admin/users/{manager.id}/role", {"role": "guest"})
    answer = stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:invitation-is-void")


def test_seats_are_a_quota_when_inviting_and_when_accepting(
    founder: Callable[[], Visitor], stranger: Visitor, delivered: Delivered, address: str
) -> None:
    admin = founder().verified()
    good(admin("PATCH", "/organization", {"max_users": 2}))
    _, token = invited(admin, delivered, address)
    answer = admin("POST", "/invitations", {"email": next(_addresses)})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-is-full")
    assert answer.json()["detail"] == (
        f"{admin.company} / Vision has 1 of 2 users (quota max_users) and has invited 1 more; "
        "an admin of the organization can raise it"
    )
    good(admin("PATCH", "/organization", {"max_users": 1}))
    full = stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER})
    assert (full.status_code, full.json()["type"]) == (409, "urn:vistory:problem:organization-takes-nobody")
    good(admin("PATCH", "/organization", {"max_users": 2}))
    stranger.post("/invitations/accept", {"token": token, **NEWCOMER})


def test_a_second_invitation_replaces_the_first(
    ann: Visitor, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    first, token = invited(ann, delivered, address)
    second, again = invited(ann, delivered, address, role="engineer_i")
    assert stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER}).status_code == 409
    assert (status_of(ann, first), status_of(ann, second)) == ("cancelled", "pending")
    stranger.post("/invitations/accept", {"token": again, **NEWCOMER})


def test_one_that_is_sent_again_comes_once_more(
    ann: Visitor, stranger: Visitor, delivered: Delivered, address: str
) -> None:
    id, token = invited(ann, delivered, address, language="ko")
    ann.post(f"/invitations/{id}/resend", {"days": 30})
    (letter,) = delivered()
    assert "초대" in letter.letter["subject"]
    again = token_in(letter, "invite")
    assert again != token
    for each in (token, again):
        assert stranger("GET", f"/invitations/{each}/info").status_code == 200
    stranger.post("/invitations/accept", {"token": token, **NEWCOMER})
    assert stranger("GET", f"/invitations/{again}/info").status_code == 404


def test_what_is_over_stays_over(ann: Visitor, stranger: Visitor, delivered: Delivered, address: str) -> None:
    id, token = invited(ann, delivered, address)
    stranger.post("/invitations/decline", {"token": token})
    for path in ("accept", "decline"):
        body = {"token": token} | (NEWCOMER if path == "accept" else {})
        assert stranger("POST", f"/invitations/{path}", body).status_code == 409
    for method, path in (("DELETE", f"/invitations/{id}"), ("POST", f"/invitations/{id}/resend")):
        answer = ann(method, path)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:invitation-is-over")
    ann.seen = stranger.seen
    assert status_of(ann, id) == "declined"
    (entry,) = ann.get(f"/audit/entity/invitation/{id}?action=decline")["items"]
    assert (entry["actor_kind"], entry["address"]) == ("system", None)
    (sent,) = ann.get(f"/audit/entity/invitation/{id}?action=invite")["items"]
    assert sent["sentence"] == f"Ann Ö (admin) invited somebody to {ann.company} / Vision as guest"


def test_a_replay_finds_the_link_used(ann: Visitor, stranger: Visitor, delivered: Delivered, address: str) -> None:
    _, token = invited(ann, delivered, address)
    body = {"token": token, **NEWCOMER, "refresh": "body"}
    stranger.post("/invitations/accept", body)
    again = stranger("POST", "/invitations/accept", body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:link-is-over")


@pytest.mark.parametrize("who", ["newcomer", "known by the letter", "known by address"])
def test_whoever_lost_the_answer_hears_that_the_invitation_is_accepted(
    ann: Visitor, stranger: Visitor, client: TestClient, delivered: Delivered, who: str
) -> None:
    ben = Visitor(client).register("Elsewhere") if who != "newcomer" else None
    _, token = invited(ann, delivered, ben.email if ben else next(_addresses))
    body = {"token": token, "password": PASSWORD, "refresh": "body"}
    body |= NEWCOMER if ben is None else {"email": ben.email} if who.endswith("address") else {}
    first = stranger.post("/invitations/accept", body, key=who)
    assert first["person"]["organization_id"] == ann.organization
    again = stranger("POST", "/invitations/accept", body, key=who)
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:tokens-were-shown")
    other = stranger("POST", "/invitations/accept", body | {"refresh": "cookie"}, key=who)
    assert (other.status_code, other.json()["type"]) == (422, "urn:vistory:problem:key-reused")
    assert Visitor(client, first["access_token"]).get("/auth/me")["organization_id"] == ann.organization


def test_whoever_asks_again_while_the_first_request_is_at_work_is_told_that_it_was_done(
    ann: Visitor, stranger: Visitor, client: TestClient, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = Visitor(client).register("Elsewhere")
    id, token = invited(ann, delivered, ben.email)
    body = {"token": token, "password": PASSWORD, "refresh": "body"}
    late, written_to = [True], acceptance._written_to

    def later(desk: Desk, token: SecretStr) -> str:
        """The first request ends just after the second has looked for it."""
        while late:
            late.pop()
            stranger.post("/invitations/accept", body, key="twice")
        return written_to(desk, token)

    monkeypatch.setattr(acceptance, "_written_to", later)
    again = stranger("POST", "/invitations/accept", body, key="twice")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:tokens-were-shown")
    ann.seen = stranger.seen
    assert status_of(ann, id) == "accepted"


def test_whoever_accepts_signed_in_and_lost_the_answer_has_it_again(
    ann: Visitor, client: TestClient, delivered: Delivered
) -> None:
    ben = Visitor(client).register("Elsewhere")
    _, token = invited(ann, delivered, ben.email)
    for _ in range(2):
        answer = ben.post("/invitations/accept", {"token": token}, key="signed in")
        assert Visitor(client, answer["access_token"]).get("/auth/me")["organization_id"] == ann.organization


def test_a_key_of_somebody_else_at_one_address_is_another_key(
    ann: Visitor, client: TestClient, delivered: Delivered
) -> None:
    ben, cat = (Visitor(client).register(company).verified() for company in ("Elsewhere", "Far Away"))
    _, shared = invited(ann, delivered, next(_addresses), for_anyone=True)
    _, own = invited(ann, delivered, cat.email)
    ben.post("/invitations/accept", {"token": shared}, key="one")
    late = cat("POST", "/invitations/accept", {"token": shared}, key="one")
    assert (late.status_code, late.json()["type"]) == (409, "urn:vistory:problem:link-is-over")
    assert "Vistory-Position" not in late.headers
    answer = cat.post("/invitations/accept", {"token": own}, key="one")
    assert (answer["person"]["id"], answer["person"]["organization_id"]) == (cat.id, ann.organization)


def test_whoever_went_on_there_and_lost_the_answer_has_it_again(
    ann: Visitor, client: TestClient, delivered: Delivered
) -> None:
    ben = Visitor(client).register("Elsewhere")
    held = ben.post("/auth/login", {"email": ben.email, "password": PASSWORD, "refresh": "body"})
    ben.token = held["access_token"]
    _, token = invited(ann, delivered, ben.email)
    ben.post("/invitations/accept", {"token": token}, key="gone on")
    ben.token = ben.post("/auth/refresh", {"refresh_token": held["refresh_token"]})["access_token"]
    assert ben.get("/auth/me")["organization_id"] == ann.organization
    answer = ben.post("/invitations/accept", {"token": token}, key="gone on")
    assert answer["person"]["organization_id"] == ann.organization


def test_with_a_second_factor_an_invitation_is_accepted_and_a_code_signs_in(
    ann: Visitor, stranger: Visitor, client: TestClient, delivered: Delivered
) -> None:
    ben = Visitor(client).register("Elsewhere")
    _, (code, *_) = secured(ben)
    id, token = invited(ann, delivered, ben.email)
    body = {"token": token, "password": PASSWORD, "refresh": "body"}
    wrong = stranger("POST", "/invitations/accept", body | {"password": "not this one"}, key="wrong")
    assert wrong.status_code == 401
    challenges = []
    for _ in range(2):
        answer = stranger("POST", "/invitations/accept", body, key="two steps")
        assert (answer.status_code, answer.json().keys()) == (202, {"challenge", "expires_in"})
        assert "set-cookie" not in answer.headers
        challenges.append(answer.json()["challenge"])
        ann.seen = ben.seen = answer.headers.get("Vistory-Position", ann.seen)
    assert status_of(ann, id) == "accepted"
    assert [each["organization_id"] for each in ben.get("/auth/sessions")] == [ben.organization]
    second = {"challenge": challenges[1], "refresh": "body"}
    assert stranger("POST", "/auth/login/second-factor", {**second, "code": "2345-6789-abcd"}).status_code == 403
    signed_in = stranger.post("/auth/login/second-factor", {**second, "code": code})
    me = Visitor(client, signed_in["access_token"]).get("/auth/me")
    assert (me["id"], me["organization_id"], me["role"]) == (ben.id, ann.organization, "guest")


def test_the_password_of_before_begins_nothing_where_an_acceptance_is_repeated(
    ann: Visitor, stranger: Visitor, client: TestClient, delivered: Delivered
) -> None:
    """A newcomer's request that was recorded, once the password that it set is another one."""
    email = next(_addresses)
    _, token = invited(ann, delivered, email)
    body = {"token": token, **NEWCOMER}
    dan = Visitor(client, stranger.post("/invitations/accept", body | {"refresh": "body"}, key="old")["access_token"])
    assert dan.get("/auth/me")["email"] == email
    stranger("POST", "/auth/forgot-password", {"email": email})
    (letter,) = delivered()
    new = {"token": token_in(letter, "reset-password"), "password": "another horse battery"}
    stranger.post("/auth/reset-password", new)
    answer = stranger("POST", "/invitations/accept", body | {"refresh": "body"}, key="old")
    assert answer.status_code == 401


@pytest.mark.parametrize("other", ["accept", "decline", "cancel"])
def test_of_two_that_end_one_at_once_one_wins(
    ann: Visitor, client: TestClient, delivered: Delivered, address: str, other: str
) -> None:
    id, token = invited(ann, delivered, address)
    both, answers = Barrier(2), dict[str, int]()
    ways = {
        "accept": lambda: Visitor(client)("POST", "/invitations/accept", {"token": token, **NEWCOMER}),
        "decline": lambda: Visitor(client)("POST", "/invitations/decline", {"token": token}),
        "cancel": lambda: ann("DELETE", f"/invitations/{id}"),
    }

    def end(name: str, way: str) -> None:
        both.wait()
        answers[name] = ways[way]().status_code

    racers = [Thread(target=end, args=(str(n), way)) for n, way in enumerate(("accept", other))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(answers.values()) == [200, 409]
    is_in = Visitor(client)("POST", "/auth/login", {"email": address, "password": PASSWORD}).is_success
    assert is_in is (other == "accept" or answers["0"] == 200)


@pytest.mark.parametrize("guess", ["guess", "%ED%A0%80"])
def test_a_guess_finds_nothing(stranger: Visitor, guess: str) -> None:
    answer = stranger("GET", f"/invitations/{guess}/info")
    assert answer.status_code in (404, 422)
    assert "guess" not in answer.json()["detail"]
    assert stranger("POST", "/invitations/info", {"token": guess}).status_code == 404
    for path in ("accept", "decline"):
        assert (
            stranger(
                "POST", f"/invitations/{path}", {"token": guess, **(NEWCOMER if path == "accept" else {})}
            ).status_code
            == 409
        )


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nobody"},
        {"email": "a@b.example\r\nBcc: c@d.example"},
        {"email": f"{'x' * 320}@example.org"},
        {"message": "x" * 1_001},
        {"message": "\x00"},
        {"days": 31},
        {"days": 0},
        {"role": "owner"},
        {"role": "maintainer"},
        {"type": "planet"},
        {"language": "xx"},
        {"inviter_id": str(UUID(int=1))},
        {"organization_id": str(UUID(int=1))},
        {"status": "accepted"},
    ],
)
def test_what_makes_no_sense_is_sent_to_nobody(
    ann: Visitor, delivered: Delivered, body: dict[str, Any], address: str
) -> None:
    delivered()
    assert ann("POST", "/invitations", {"email": address, **body}).status_code == 422
    assert delivered() == []


def test_another_organization_s_invitations_are_not_there(
    ann: Visitor, bob: Visitor, delivered: Delivered, project: str, address: str
) -> None:
    id, _ = invited(ann, delivered, address)
    bob.verified()
    for method, path in (("DELETE", f"/invitations/{id}"), ("POST", f"/invitations/{id}/resend")):
        assert bob(method, path).status_code == 404
    for target in (project, ann.organization):
        type = "project" if target == project else "organization"
        body = {"type": type, "target_id": target, "email": address}
        assert bob("POST", "/invitations", body).status_code == 404
    assert bob("GET", f"/invitations?project_id={project}").status_code == 404
    assert bob("POST", f"/projects/{project}/members", {"email": address}).status_code == 404
    assert all(each["id"] != id for each in bob.get("/invitations?everybody=true")["items"])
    assert status_of(ann, id) == "pending"


def test_lists_are_of_one_s_own_unless_one_may_see_more(ann: Visitor, delivered: Delivered, address: str) -> None:
    engineer = ann.colleague("engineer_i").verified()
    mine = engineer.post("/projects", {"name": "mine"})["id"]
    ids = [
        engineer.post("/invitations", {"type": "project", "target_id": mine, "email": next(_addresses)})["id"]
        for _ in range(3)
    ]
    page = engineer.get("/invitations?limit=2")
    assert [each["id"] for each in page["items"]] == ids[:0:-1]
    assert [each["id"] for each in engineer.get(f"/invitations?after={page['next']}")["items"]] == ids[:1]
    assert engineer("GET", "/invitations?everybody=true").status_code == 403
    other = ann.colleague("engineer_i")
    other.seen = engineer.seen
    assert other.get("/invitations")["items"] == []
    assert other("GET", f"/invitations?project_id={mine}").status_code == 403
    assert len(engineer.get(f"/invitations?project_id={mine}&status=pending")["items"]) == 3
    ann.seen = engineer.seen
    assert {each["id"] for each in ann.get("/invitations?everybody=true&limit=1000")["items"]} >= set(ids)


def test_how_often_one_address_is_written_to_is_limited(ann: Visitor, address: str) -> None:
    answers = [ann("POST", "/invitations", {"email": address}).status_code for _ in range(11)]
    assert answers == [201] * 10 + [429]


def test_of_those_that_are_over_nobody_waits_for_another(ann: Visitor, host: Host, address: str) -> None:
    id = ann.post("/invitations", {"email": address})["id"]
    ann("DELETE", f"/invitations/{id}")
    forget_invitations(host.core)
    assert {ann("POST", f"/invitations/{id}/resend").status_code for _ in range(12)} == {409}


def test_whoever_may_not_invite_keeps_nobody_from_it(ann: Visitor, bob: Visitor, address: str) -> None:
    id, guest = ann.post("/invitations", {"email": address})["id"], ann.colleague("guest")
    for _ in range(11):
        assert guest("POST", "/invitations", {"email": address}).status_code == 403
        assert guest("POST", f"/invitations/{id}/resend", {}).status_code == 403
        assert bob("POST", f"/invitations/{id}/resend", {}).status_code == 404
    assert ann("POST", f"/invitations/{id}/resend", {}).status_code == 200


def test_it_is_good_for_seven_days_where_nothing_else_is_said(
    ann: Visitor, stranger: Visitor, delivered: Delivered, aged: Callable[[str, timedelta], None], address: str
) -> None:
    id, token = invited(ann, delivered, address)
    (row,) = (each for each in ann.get("/invitations")["items"] if each["id"] == id)
    sent, until = (datetime.fromisoformat(row[each]) for each in ("sent_at", "expires_at"))
    assert until - sent == timedelta(days=7)
    aged(id, timedelta(days=7))
    assert stranger("GET", f"/invitations/{token}/info").status_code == 404
    answer = stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER})
    assert (answer.status_code, answer.json()["detail"]) == (409, "this link is too old; ask for another")
    ann.post(f"/invitations/{id}/resend")
    again = token_in(delivered()[0], "invite")
    aged(id, timedelta(days=6, hours=23, minutes=59))
    assert stranger("GET", f"/invitations/{token}/info").status_code == 404
    assert stranger("GET", f"/invitations/{again}/info").status_code == 200
    stranger.post("/invitations/accept", {"token": again, **NEWCOMER})


def test_time_ends_it_with_an_event(ann: Visitor, stranger: Visitor, host: Host, address: str) -> None:
    id, core = uuid7(), host.core
    wish = InviteToOrganization(invitation_id=id, target_id=UUID(ann.organization), email=address, days=1)
    caller = Caller(kind="person", id=UUID(ann.id), organization_id=UUID(ann.organization))
    host.dispatch(wish, Errand(caller, datetime.now(UTC) - timedelta(days=1), uuid7()))
    token = core.links().token(Purpose.INVITATION, id, 1)
    assert stranger("GET", f"/invitations/{token}/info").status_code == 404
    answer = stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER})
    assert (answer.status_code, answer.json()["detail"]) == (409, "this link is too old; ask for another")
    position = f"{core.mapper.ledger}:{core.store.head().position}"
    (row,) = (each for each in ann.get("/invitations", Vistory_Min_Position=position)["items"] if each["id"] == str(id))
    assert (row["status"], row["ended_at"]) == ("expired", None)
    assert asyncio.run(expire_due(Platform(core.store, core.mapper, host.dispatch), host.accounts.invitations)) == 1
    position = f"{core.mapper.ledger}:{core.store.head().position}"
    (entry,) = ann.get(f"/audit/entity/invitation/{id}?action=expire", Vistory_Min_Position=position)["items"]
    assert entry["sentence"] == f"The invitation to {ann.company} / Vision expired"
    assert host.accounts.invitations.expired() == []


def test_one_that_is_good_yet_by_our_clock_is_looked_at_again_after_a_rest(
    ann: Visitor, host: Host, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back: by the database's the time of a whole load is over, by ours of none."""
    monkeypatch.setattr(invitations_kept, "AT_ONCE", 1)
    yesterday, core = datetime.now(UTC) - timedelta(days=1), host.core
    tries: list[datetime] = []
    wish = InviteToOrganization(invitation_id=uuid7(), target_id=UUID(ann.organization), email=address, days=1)
    caller = Caller(kind="person", id=UUID(ann.id), organization_id=UUID(ann.organization))
    host.dispatch(wish, Errand(caller, yesterday - timedelta(hours=1), uuid7()))

    def counted(command: Command, errand: Errand) -> Accepted:
        tries.append(errand.now)
        return host.dispatch(command, errand)

    async def keep() -> None:
        with suppress(TimeoutError):
            platform = Platform(core.store, core.mapper, counted, lambda: yesterday)
            await asyncio.wait_for(keep_invitations(platform, core), 1)

    asyncio.run(keep())
    assert tries == [yesterday]
    assert asyncio.run(expire_due(Platform(core.store, core.mapper, host.dispatch), host.accounts.invitations)) == 1


def test_with_a_person_go_the_invitations_to_and_by_them(
    ann: Visitor, stranger: Visitor, delivered: Delivered, host: Host, founder: Callable[[], Visitor], address: str
) -> None:
    manager = ann.colleague("manager").verified()
    by, token = invited(manager, delivered, address, message="from me")
    to, _ = invited(ann, delivered, founder().email)
    erase(host.core, host.dispatch, UUID(manager.id))
    assert host.core.keys.kept_of([UUID(by)]) == []
    assert stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER}).status_code == 409
    assert host.core.keys.kept_of([UUID(to)]) == [UUID(to)]
    ann("DELETE", f"/invitations/{to}")
    forget_invitations(host.core)
    assert host.core.keys.kept_of([UUID(to)]) == []
    assert host.accounts.invitations.over() == []


def test_an_invitation_is_nothing_for_an_api_token(ann: Visitor, delivered: Delivered, address: str) -> None:
    _, token = invited(ann, delivered, address)
    program = ann.program("read", "write", "train", "audit")
    assert program("POST", "/invitations", {"email": address}).status_code == 403
    assert program("POST", "/invitations/accept", {"token": token}).status_code == 403
    assert program("GET", "/invitations").status_code == 403


def test_a_private_dataset_is_named_to_nobody_by_an_invitation_to_it(
    ann: Visitor, client: TestClient, delivered: Delivered, address: str
) -> None:
    owner, manager = ann.colleague("engineer_i").verified(), ann.colleague("manager")
    secret = owner.post("/datasets", {"name": "Secret", "visibility": "private"})["id"]
    id, token = invited(owner, delivered, address, type="dataset", target_id=secret, role="editor")
    into = {"type": "dataset", "target_id": secret, "email": address}
    assert manager.verified()("POST", "/invitations", into).status_code == 404
    for visitor, knows in ((owner, True), (ann, True), (manager, False)):
        visitor.seen = owner.seen
        assert (visitor("GET", f"/invitations?dataset_id={secret}").status_code == 200) is knows
        audit = visitor("GET", f"/audit/entity/invitation/{id}", Vistory_Min_Position=owner.seen)
        named = audit.is_success and "Secret" in audit.text
        assert named is (visitor is ann), audit.text
        everybody = visitor("GET", "/invitations?everybody=true&limit=1000", Vistory_Min_Position=owner.seen)
        assert everybody.status_code == 403 or ("Secret" in everybody.text) is knows
    ann("PATCH", "/organization", {"admission": "open"})
    dan = accepted(client, token)
    ann("PATCH", "/organization", {"admission": "approval"})
    members = {each["person_id"]: each["role"] for each in dan.get(f"/datasets/{secret}/members")}
    assert members[dan.id] == "editor"


CLOSING = [
    ("projects", "DELETE", "", "POST", "/undelete"),
    ("projects", "POST", "/archive", "POST", "/restore"),
    ("datasets", "DELETE", "", "POST", "/undelete"),
]


@pytest.mark.parametrize(("kind", "close", "how", "open", "again"), CLOSING)
def test_an_invitation_to_what_is_closed_tells_nothing_until_it_is_open_again(
    ann: Visitor,
    stranger: Visitor,
    delivered: Delivered,
    address: str,
    kind: str,
    close: str,
    how: str,
    open: str,
    again: str,
) -> None:
    target = ann.post(f"/{kind}", {"name": "quiet"})["id"]
    into = {"type": kind.removesuffix("s"), "target_id": target}
    id, token = invited(ann, delivered, address, **into)
    good(ann(close, f"/{kind}/{target}{how}"))
    told = stranger("GET", f"/invitations/{token}/info")
    turned = stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER})
    assert (told.status_code, turned.status_code) == (404, 409)
    assert turned.json()["type"].endswith("invitation-is-suspended")
    for answer in (told, turned):
        assert "is not open" in answer.json()["detail"]
        assert "quiet" not in answer.text
    assert status_of(ann, id) == "pending"
    good(ann(open, f"/{kind}/{target}{again}"))
    assert stranger.get(f"/invitations/{token}/info")["target"] == "quiet"


@pytest.mark.parametrize("kind", ["projects", "datasets"])
def test_an_invitation_to_what_is_purged_is_cancelled(
    ann: Visitor, stranger: Visitor, delivered: Delivered, address: str, kind: str
) -> None:
    target = ann.post(f"/{kind}", {"name": "gone"})["id"]
    id, token = invited(ann, delivered, address, type=kind.removesuffix("s"), target_id=target)
    unsent = ann.post("/invitations", {"email": f"x.{address}", "type": kind.removesuffix("s"), "target_id": target})
    good(ann("DELETE", f"/{kind}/{target}"))
    ann.post(f"/{kind}/{target}/purge", {"name": "gone"})
    assert (status_of(ann, id), status_of(ann, unsent["id"])) == ("cancelled", "cancelled")
    assert stranger("GET", f"/invitations/{token}/info").status_code == 404
    assert stranger("POST", "/invitations/accept", {"token": token, **NEWCOMER}).status_code == 409
    assert delivered() == []
