"""The audit log over HTTP: what it may be asked for."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.ports import Purpose
from domain.membership import membership_id
from domain.second_factor import second_factor_id
from projections.audit_words import EVERY_ACTION, EVERY_TYPE
from tests.api.phone import secured
from tests.api.visitor import PASSWORD, Visitor, good


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("organization?action=uploaded", EVERY_ACTION),
        ("organization?action=", EVERY_ACTION),
        ("me?entity_type=dataset%73s", EVERY_TYPE),
        ("entity/datasets/00000000-0000-0000-0000-000000000001", EVERY_TYPE),
    ],
)
def test_what_was_never_done_to_anything_is_refused_with_all_that_is(
    ann: Visitor, query: str, known: list[str]
) -> None:
    answer = ann("GET", f"/audit/{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(f"; there are: {', '.join(known)}")


def entries(visitor: Visitor, about: Visitor) -> list[dict[str, Any]]:
    """What the organization's managers read of a person."""
    items: list[dict[str, Any]] = visitor.get("/audit/organization?limit=500&noisy=true")["items"]
    return [each for each in items if about.id in (each["actor_id"], each["entity_id"], each["person_id"])]


def let_go(ann: Visitor, person: Visitor) -> None:
    assert ann("DELETE", f"/admin/users/{person.id}").status_code == 200


def moved(person: Visitor, to: Visitor) -> None:
    """Asked into another organization, where the person goes on."""
    made = to.verified().post("/invitations", {"email": person.email, "role": "guest"})
    token, person.token = to.link(Purpose.INVITATION, made["id"]), None
    accepted = person.post("/invitations/accept", {"token": token, "password": PASSWORD})
    person.token = accepted["access_token"]


def test_what_a_person_does_after_leaving_is_not_the_organizations_to_read(ann: Visitor, bob: Visitor) -> None:
    gone = ann.colleague("guest")
    let_go(ann, gone)
    before = entries(ann, gone)
    assert {"person.registered", "session.begun"} <= {each["topic"] for each in before if each["address"]}
    moved(gone, bob)
    good(gone("PATCH", "/users/me", {"full_name": "Called Otherwise"}))
    gone.post("/users/me/email", {"email": f"new.{gone.email}", "password": PASSWORD})
    gone.post("/auth/forgot-password", {"email": gone.email})
    ann.seen = bob.seen = gone.post("/auth/logout") and gone.seen
    ann.post("/projects", {"name": "later"})
    assert entries(ann, gone) == before
    theirs = {each["topic"] for each in entries(bob, gone)}
    assert {"person.renamed", "person.email_change_requested", "session.ended"} <= theirs
    assert "Called Otherwise" in {each["actor_name"] for each in entries(bob, gone)}


def test_whoever_accepts_came_in_by_the_right_of_who_invited_them(ann: Visitor, bob: Visitor) -> None:
    ann.verified()
    come = bob.colleague("guest")
    moved(come, ann)
    ann.seen = come.seen
    (entry,) = [each for each in entries(ann, come) if each["topic"] == "membership.approved"]
    assert (entry["actor_id"], entry["on_behalf_of"]) == (come.id, ann.id)
    assert entry["sentence"].endswith("came in by invitation, as guest")
    (member,) = [each for each in ann.get("/members")["items"] if each["person_id"] == come.id]
    assert member["approved_by"] == ann.id


def test_a_letter_that_somebody_asks_for_is_not_said_to_be_asked_for_by_who_gets_it(ann: Visitor) -> None:
    member = ann.approve(Visitor(ann.client).arrive(ann.company), "guest")
    member.client.post("/api/v1/auth/forgot-password", json={"email": member.email})
    member.client.post("/api/v1/auth/resend-verification", json={"email": member.email})
    ann.post("/projects", {"name": "later"})
    asked = [each for each in entries(ann, member) if each["action"] == "request"]
    assert {each["topic"] for each in asked} >= {"person.password_reset_requested", "person.verification_requested"}
    for each in asked:
        if each["topic"].startswith("person."):
            assert (each["actor_kind"], each["address"], each["agent"]) == ("system", None, None)


def test_what_happened_in_between_is_not_read_once_the_person_is_back_either(ann: Visitor) -> None:
    gone = ann.colleague("guest")
    let_go(ann, gone)
    before = entries(ann, gone)
    gone.post("/auth/forgot-password", {"email": gone.email})
    ann.post(f"/members/{membership_id(UUID(ann.organization), UUID(gone.id))}/approve", {"role": "guest"})
    good(gone.sign_in()("PATCH", "/users/me", {"full_name": "Back Again"}))
    ann.seen = gone.seen
    now = entries(ann, gone)
    assert [each["topic"] for each in now if each["position"] <= before[0]["position"]] == [
        each["topic"] for each in before
    ]
    assert "person.password_reset_requested" not in {each["topic"] for each in now}
    assert now[0]["topic"] == "person.renamed"
    assert (now[0]["actor_name"], now[0]["actor_email"]) == ("Back Again", gone.email)


def test_where_somebody_was_before_is_not_told_to_the_organization_that_they_go_on_in(
    ann: Visitor, bob: Visitor
) -> None:
    come = bob.colleague("guest")
    come.come_into(ann, role="guest")
    ann.seen = come.seen
    read = entries(ann, come)
    (switched,) = [each for each in read if each["topic"] == "session.switched"]
    assert switched["changes"] == {}
    assert bob.organization not in str(read)


def otherwise(reader: Visitor, person: Visitor) -> dict[str, Any]:
    read = reader.get(f"/audit/entity/person/{person.id}?limit=500")["items"]
    shown = ("person.registered", "person.renamed", "person.email_changed")
    return {each["topic"]: each["changes"] for each in read if each["topic"] in shown}


def test_of_a_name_and_an_address_auditors_and_the_person_read_the_old_and_the_new(ann: Visitor) -> None:
    ben, address = ann.colleague("guest"), "ben.otherwise@example.org"
    for name in ("Ben Before", "Ben Now"):
        good(ben("PATCH", "/users/me", {"full_name": name}))
    ben.post("/users/me/email", {"email": address, "password": PASSWORD})
    asked = ben.get(f"/audit/entity/person/{ben.id}?noisy=true")["items"]
    assert (asked[0]["topic"], asked[0]["changes"]) == ("person.email_change_requested", {})
    ben.post("/auth/verify-email", {"token": ben.link(Purpose.EMAIL_CHANGE, ben.id, len(asked))})
    ann.seen = ben.seen
    first = otherwise(ann, ben)
    assert first["person.registered"]["full_name"] == {"old": None, "new": "Ann Ö"}
    assert first["person.registered"]["email"] == {"old": None, "new": ben.email}
    assert first["person.email_changed"] == {"email": {"old": ben.email, "new": address}}
    read = ann.get(f"/audit/entity/person/{ben.id}")["items"]
    assert [each["changes"]["full_name"] for each in read if each["topic"] == "person.renamed"] == [
        {"old": "Ben Before", "new": "Ben Now"},
        {"old": "Ann Ö", "new": "Ben Before"},
    ]
    assert otherwise(ben, ben) == first


HERS = {"User_Agent": "Lantern/1.0"}


def test_an_entry_says_who_did_what_to_whom_when_from_where_and_by_what(ann: Visitor) -> None:
    """Of what is done to people, each by its own words."""
    ben, before, who = ann.colleague("guest"), datetime.now(UTC), "Ann Ö (admin)"
    good(ben("PATCH", "/users/me", {"full_name": "Ben"}))
    project = ann.post("/projects", {"name": "cells"})["id"]
    for method, path, body in (
        ("PATCH", f"/admin/users/{ben.id}/role", {"role": "engineer_ii"}),
        ("POST", f"/projects/{project}/members", {"person_id": ben.id, "role": "member"}),
        ("PATCH", f"/projects/{project}/members/{ben.id}", {"role": "viewer"}),
        ("DELETE", f"/projects/{project}/members/{ben.id}", None),
        ("POST", f"/admin/users/{ben.id}/deactivate", {}),
    ):
        good(ann(method, path, body, **HERS))
    found: list[dict[str, Any]] = ann.get("/audit/organization?limit=500")["items"]
    hers = [each for each in found if each["agent"] == "Lantern/1.0"]
    assert {each["topic"]: (each["action"], each["entity_name"], each["sentence"]) for each in hers} == {
        "membership.role_changed": (
            "grant_role", "Ben", f"{who} changed the role of Ben from guest to engineer_ii",
        ),
        "project.member_added": ("add_member", "cells", f"{who} added Ben to the project cells as member"),
        "project.member_role_changed": (
            "grant_role", "cells", f"{who} changed the role of Ben in the project cells from member to viewer",
        ),
        "project.member_removed": (
            "remove_member", "cells", f"{who} removed Ben (viewer) from the project cells",
        ),
        "membership.deactivated": ("deactivate", "Ben", f"{who} deactivated Ben"),
    }  # fmt: skip
    assert ("approve", f"{who} approved Ben as guest") in {(each["action"], each["sentence"]) for each in found}
    for each in hers:
        assert (each["actor_id"], each["actor_email"], each["address"]) == (ann.id, ann.email, "testclient")
        decided, recorded = (datetime.fromisoformat(each[at]) for at in ("decided_at", "recorded_at"))
        assert before <= decided <= recorded <= datetime.now(UTC)


@pytest.fixture(scope="module")
def guest(ann: Visitor) -> Visitor:
    return ann.colleague("guest")


@pytest.mark.parametrize("type", EVERY_TYPE)
def test_of_people_and_their_secrets_only_auditors_read(ann: Visitor, guest: Visitor, type: str) -> None:
    """Also whether there is anything: a person's second factor has an id that anybody can work out."""
    path = f"/audit/entity/{type}/{uuid4()}"
    of_guests = 404 if type in ("project", "dataset", "experiment", "training_job") else 403
    asked = {
        guest: of_guests,
        guest.program("audit"): of_guests,
        guest.program("read", "write", "train"): 403,
        ann: 404,
        ann.program("audit"): 404,
        ann.program("read", "write", "train"): 403,
    }
    assert {who: who("GET", path).status_code for who in asked} == asked


def test_what_became_of_a_second_factor_is_read_by_its_person_and_by_auditors(ann: Visitor, guest: Visitor) -> None:
    ben, manager = ann.colleague("engineer_ii"), ann.colleague("manager")
    secured(ben)
    good(ann("DELETE", f"/admin/users/{ben.id}/second-factor"))
    path = f"/audit/entity/second_factor/{second_factor_id(UUID(ben.id))}"
    for reader in (ben.sign_in(), manager, ann):
        reader.seen = ann.seen
        assert {each["action"] for each in reader.get(path)["items"]} >= {"turn_on", "reset"}
    for reader in (guest, guest.program("audit"), ann.colleague("engineer_ii")):
        assert reader("GET", path).status_code == 403
    own = membership_id(UUID(guest.organization), UUID(guest.id))
    assert guest.get(f"/audit/entity/membership/{own}")["items"]
