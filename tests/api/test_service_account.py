"""Programs of downstream systems: each is the organization's, acts by its tokens, and may what its role does now."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker

NAMED = {"name": "exporter", "role": "engineer_i"}


def made(admin: Visitor, **wanted: str) -> str:
    return str(admin.post("/service-accounts", NAMED | wanted)["id"])


def test_it_is_listed_with_its_last_use(ann: Visitor) -> None:
    program = ann.service("engineer_i")
    before = ann.get(f"/service-accounts/{program.id}")
    assert (before["name"], before["role"], before["status"]) == ("exporter", "engineer_i", "active")
    assert (before["created_by"], before["last_used_at"]) == (ann.id, None)
    assert program("GET", "/projects").status_code == 200
    assert ann.get(f"/service-accounts/{program.id}")["last_used_at"]
    listed = {each["id"]: each for each in ann.get("/service-accounts?limit=1000")["items"]}
    assert listed[program.id]["last_used_at"] == ann.get(f"/service-accounts/{program.id}")["last_used_at"]


def test_its_token_is_shown_once(ann: Visitor) -> None:
    id = made(ann)
    wish = "POST", f"/service-accounts/{id}/tokens", {"name": "hourly", "scopes": ["read"]}
    token = ann(*wish, key="once").json()
    again = ann(*wish, key="once")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:token-was-shown")
    (listed,) = ann.get(f"/service-accounts/{id}/tokens")["items"]
    assert (listed["prefix"], listed["owner_kind"], listed["owner_id"]) == (token["prefix"], "service", id)
    assert token["token"] not in str(listed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\x00b"},
        {"name": "a\nb"},
        {"role": "king"},
        {"role": None},
        {"organization_id": "0198c0de-0000-7000-8000-000000000001"},
        {"owner_id": "0198c0de-0000-7000-8000-000000000001"},
    ],
)
def test_what_makes_no_service_account_is_refused(ann: Visitor, wrong: dict[str, Any]) -> None:
    assert ann("POST", "/service-accounts", NAMED | wrong).status_code == 422


def test_an_admin_is_a_person(ann: Visitor) -> None:
    refused = ann("POST", "/service-accounts", NAMED | {"role": "admin"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:vistory:problem:admin-is-a-person")


def test_it_stays_when_whoever_made_it_goes(ann: Visitor) -> None:
    manager = ann.colleague("manager")
    program = manager.service("engineer_i")
    ann("DELETE", f"/admin/users/{manager.id}")
    assert program("GET", "/projects").status_code == 200
    assert ann.get(f"/service-accounts/{program.id}")["created_by"] == manager.id


def test_it_takes_no_seat(ann: Visitor) -> None:
    seats = ann.get("/organization")["seats"]
    ann.service("guest")
    assert ann.get("/organization")["seats"] == seats
    assert ann.get("/members")["items"][0]["person_id"]  # and is none of the people


def test_a_disabled_one_is_refused_at_once_and_an_enabled_one_is_back(ann: Visitor) -> None:
    program = ann.service("engineer_i")
    ann.post(f"/service-accounts/{program.id}/disable")
    refused = program("GET", "/projects")
    assert (refused.status_code, "disabled" in refused.text) == (401, True)
    assert ann.get(f"/service-accounts/{program.id}")["status"] == "disabled"
    ann.post(f"/service-accounts/{program.id}/enable")
    assert program("GET", "/projects").status_code == 200


def test_a_deleted_one_ends_at_once_with_its_tokens(ann: Visitor) -> None:
    program = ann.service("engineer_i")
    assert ann("DELETE", f"/service-accounts/{program.id}").status_code == 200
    assert program("GET", "/projects").status_code == 401
    assert ann("GET", f"/service-accounts/{program.id}", Vistory_Min_Position=ann.seen).status_code == 404
    left = [each for each in ann.get("/tokens?everybody=true&limit=1000")["items"] if each["owner_id"] == program.id]
    assert [each["status"] for each in left] == ["revoked"]
    assert ann("POST", f"/service-accounts/{program.id}/tokens", {"name": "again"}).status_code == 409


def test_its_role_is_that_of_now(ann: Visitor) -> None:
    program = ann.service("engineer_ii", "write")
    assert program("POST", "/datasets", {"name": "D"}).status_code == 201
    ann("PATCH", f"/service-accounts/{program.id}/role", {"role": "guest"})
    assert program("POST", "/datasets", {"name": "D"}).status_code == 403


def test_a_revoked_token_is_refused_and_the_other_one_is_not(ann: Visitor, client: TestClient) -> None:
    program = ann.service("engineer_i")
    other = ann.post(f"/service-accounts/{program.id}/tokens", {"name": "other"})
    assert ann("DELETE", f"/service-accounts/{program.id}/tokens/{other['id']}").status_code == 200
    assert Visitor(client, other["token"])("GET", "/projects").status_code == 401
    assert program("GET", "/projects").status_code == 200


def test_behind_another_wall_there_is_none(ann: Visitor, bob: Visitor) -> None:
    program = ann.service("engineer_i")
    (token,) = ann.get(f"/service-accounts/{program.id}/tokens")["items"]
    place = f"/service-accounts/{program.id}"
    tried: list[tuple[str, str, Any]] = [
        ("GET", place, None),
        ("GET", f"{place}/tokens", None),
        ("PATCH", place, {"name": "mine"}),
        ("PATCH", f"{place}/role", {"role": "guest"}),
        ("POST", f"{place}/disable", {}),
        ("POST", f"{place}/enable", {}),
        ("POST", f"{place}/tokens", {"name": "mine"}),
        ("DELETE", f"{place}/tokens/{token['id']}", None),
        ("DELETE", place, None),
    ]
    for method, path, body in tried:
        assert bob(method, path, body, Vistory_Min_Position=ann.seen).status_code == 404, path
    theirs = made(bob)
    assert bob("DELETE", f"/service-accounts/{theirs}/tokens/{token['id']}").status_code == 404
    project = bob.post("/projects", {"name": "P"})["id"]
    assert bob("POST", f"/projects/{project}/members", {"person_id": program.id}).status_code == 404
    assert program("GET", f"/projects/{project}", Vistory_Min_Position=bob.seen).status_code == 404
    assert program("GET", "/projects").status_code == 200


def test_it_signs_in_nowhere_and_manages_nobody(ann: Visitor) -> None:
    program = ann.service("manager", "read", "write", "train", "audit")
    for method, path in [
        ("GET", "/auth/me"),
        ("GET", "/users/me/export"),
        ("DELETE", "/users/me"),
        ("GET", "/admin/users"),
    ]:
        assert program(method, path).status_code == 403, path
    assert program("POST", "/tokens", {"name": "more"}).status_code == 403
    assert program("POST", "/service-accounts", NAMED).status_code == 403
    refused = program("POST", "/projects", {"name": "own"})
    assert (refused.status_code, "needs a person" in refused.text) == (403, True)


def test_private_things_of_others_are_hidden_from_it(ann: Visitor) -> None:
    private = ann.post("/datasets", {"name": "private", "visibility": "private"})["id"]
    program = ann.service("manager", "read")
    assert program("GET", f"/datasets/{private}", Vistory_Min_Position=ann.seen).status_code == 404


def test_in_a_project_it_stands_under_its_name(ann: Visitor) -> None:
    program = ann.service("guest", "read", "write")
    project = ann.post("/projects", {"name": "P"})["id"]
    rename = "PATCH", f"/projects/{project}", {"name": "Q"}
    assert program(*rename).status_code == 403
    ann.post(f"/projects/{project}/members", {"person_id": program.id, "role": "maintainer"})
    assert program(*rename).status_code == 200
    (place,) = ann.get(f"/projects/{project}/members")
    assert (place["kind"], place["avatar_name"], place["role"]) == ("service", "exporter", "maintainer")
    ann("DELETE", f"/service-accounts/{program.id}")
    assert ann.get(f"/projects/{project}/members") == []


def test_the_audit_log_names_it_and_its_role_as_it_was(ann: Visitor) -> None:
    program = ann.service("engineer_ii", "write", "audit")
    id = program.post("/datasets", {"name": "exported"})["id"]
    ann.post(f"/projects/{ann.post('/projects', {'name': 'P'})['id']}/members", {"person_id": program.id})
    ann("PATCH", f"/service-accounts/{program.id}/role", {"role": "guest"})
    ann("PATCH", f"/service-accounts/{program.id}", {"name": "exporter 2"})
    told = ann.get(f"/audit/entity/dataset/{id}")["items"][0]
    assert told["sentence"] == "The service account exporter 2 (engineer_ii) created the dataset exported"
    assert (told["actor_kind"], told["actor_id"], told["address"]) == ("service", program.id, None)
    sentences = [each["sentence"] for each in ann.get("/audit/me?limit=20")["items"]]
    assert sentences[:3] == [
        "Ann Ö (admin) renamed the service account exporter to exporter 2",
        "Ann Ö (admin) changed the role of the service account exporter 2 from engineer_ii to guest",
        "Ann Ö (admin) added exporter 2 to the project P as member",
    ]
    assert [each["entity_id"] for each in program.get("/audit/me")["items"]] == [id]


def test_what_it_trained_names_it(ann: Visitor, worker: Worker) -> None:
    program = ann.service("engineer_ii", "read", "write", "train")
    project = ann.post("/projects", {"name": "P"})["id"]
    wanted = {"project_id": project, "dataset_id": filled(program), "framework": "timm", "model": "small"}
    attempt = worker.claim(program.post("/training-jobs", wanted)["id"])
    attempt.start()
    model = attempt.complete()
    owner = program.get(f"/models/{model}/lineage", Vistory_Min_Position=attempt.seen)["owner"]
    assert owner == {
        "person_id": program.id,
        "kind": "service",
        "avatar_name": "exporter",
        "full_name": None,
        "email": None,
    }


def test_a_retry_of_its_creation_makes_no_second(ann: Visitor) -> None:
    key = uuid7().hex
    first, again = (ann("POST", "/service-accounts", NAMED, key=key).json() for _ in range(2))
    assert first == again
