"""Who may do what: every endpoint asked by every role, and the answer taken from the declared rules."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from commands.access import Command, May
from commands.dataset import CreateDataset, TakeSnapshot
from commands.experiment import CreateExperiment
from commands.membership import ApproveMember, ChangeRole
from commands.project import CreateProject, RenameProject
from commands.training_job import CancelTraining, RequestTraining
from domain.membership import membership_id
from domain.roles import Permission, Reach, Role, reach
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker, requested

COMMANDS = [
    (CreateProject, "POST", "/projects", {"name": "P"}),
    (RenameProject, "PATCH", "/projects/{project}", {"name": "Q"}),
    (CreateDataset, "POST", "/datasets", {"name": "D"}),
    (TakeSnapshot, "POST", "/datasets/{dataset}/snapshot", {"tag": "{tag}"}),
    (CreateExperiment, "POST", "/experiments", {"project_id": "{project}", "name": "E"}),
    (RequestTraining, "POST", "/training-jobs", {"project_id": "{project}", "dataset_id": "{dataset}",
                                                 "framework": "timm", "model": "small"}),
    (CancelTraining, "POST", "/training-jobs/{job}/cancel", {}),
    (ApproveMember, "POST", "/members/{member}/approve", {"role": "guest"}),
    (ChangeRole, "PATCH", "/admin/users/{person}/role", {"role": "guest"}),
]  # fmt: skip
QUERIES = [
    (Permission.READ, "/projects"),
    (Permission.READ, "/datasets"),
    (Permission.READ, "/experiments"),
    (Permission.READ, "/training-jobs"),
    (Permission.READ, "/training/models"),
    (Permission.READ, "/models"),
    (Permission.READ, "/audit/me"),
    (Permission.READ_MEMBERS, "/members"),
    (Permission.READ_AUDIT, "/audit/organization"),
]


@pytest.fixture(scope="module")
def people(ann: Visitor) -> dict[Role, Visitor]:
    return {role: ann.colleague(role) for role in Role}


@pytest.fixture(scope="module")
def things(ann: Visitor, worker: Worker, client: TestClient) -> dict[str, str]:
    """Owned by the admin."""
    waiting = Visitor(client).register(ann.company)
    dataset = filled(ann)
    job = requested(ann, dataset)
    member = str(membership_id(UUID(waiting.organization), UUID(waiting.id)))
    person = ann.colleague("guest").id
    return {"project": job["project_id"], "dataset": dataset, "job": job["id"], "member": member, "person": person,
            "tag": f"t{uuid7().hex}"}  # fmt: skip


@pytest.mark.parametrize(("command", "method", "path", "body"), COMMANDS)
def test_a_command_is_for_those_whose_role_reaches_the_thing(
    people: dict[Role, Visitor],
    things: dict[str, str],
    command: type[Command],
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    rule = command.ACCESS
    assert isinstance(rule, May)
    for role in reversed(Role):
        far = reach(role, rule.permission)
        allowed = far is Reach.ANY or (far is Reach.OWN and rule.on is None)
        answer = people[role](method, path.format(**things), {k: v.format(**things) for k, v in body.items()})
        assert (answer.status_code != 403) is allowed, f"{role}: {answer.text}"


@pytest.mark.parametrize(("permission", "path"), QUERIES)
def test_a_query_is_for_those_whose_role_includes_it(
    people: dict[Role, Visitor], permission: Permission, path: str
) -> None:
    for role, person in people.items():
        expected = 200 if reach(role, permission) else 403
        assert person("GET", path).status_code == expected, role


@pytest.mark.parametrize("path", ["/auth/me", *(path for _, path in QUERIES)])
def test_one_who_waits_sees_only_who_they_are(ann: Visitor, client: TestClient, path: str) -> None:
    waiting = Visitor(client).register(ann.company)
    assert waiting("GET", path).status_code == (200 if path == "/auth/me" else 403)


@pytest.mark.parametrize("path", ["/auth/me", *(path for _, path in QUERIES)])
def test_nobody_is_let_in_without_a_token(stranger: Visitor, path: str) -> None:
    assert stranger("GET", path).status_code == 401


def test_a_change_of_role_holds_at_once_whatever_the_token_says(ann: Visitor) -> None:
    engineer = ann.colleague("engineer_ii")
    assert engineer("POST", "/datasets", {"name": "D"}).status_code == 201
    assert ann("PATCH", f"/admin/users/{engineer.id}/role", {"role": "guest"}).status_code == 200
    assert engineer("POST", "/datasets", {"name": "D"}).status_code == 403


def test_the_last_admin_stays(founder: Any) -> None:
    admin = founder()
    answer = admin("PATCH", f"/admin/users/{admin.id}/role", {"role": "guest"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-needs-an-admin")
