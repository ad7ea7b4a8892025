"""Who may do what: every endpoint asked by every role, and the answer taken from the declared rules."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from commands import HANDLERS
from commands.access import Command, May
from commands.api_token import CreateToken, RevokeToken
from commands.closure import CloseOrganization, ReopenOrganization
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    CommitUpload,
    CreateDataset,
    DeclineDataset,
    LeaveDataset,
    MakeSplit,
    OfferDataset,
    RemoveDatasetMember,
    TakeSnapshot,
    WithdrawDataset,
)
from commands.experiment import CreateExperiment
from commands.invitation import (
    CancelInvitation,
    InviteToDataset,
    InviteToOrganization,
    InviteToProject,
    PlaceByAddress,
    ResendInvitation,
)
from commands.membership import (
    ApproveMember,
    ChangeRole,
    DeactivateMember,
    ReactivateMember,
    RemoveMember,
    RenameMember,
)
from commands.organization import ChangeOrganization
from commands.ports import Purpose
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeclineProject,
    DeleteProject,
    DescribeProject,
    LeaveProject,
    OfferProject,
    RemoveProjectMember,
    RenameProject,
    RestoreProject,
    UndeleteProject,
    WithdrawProject,
)
from commands.second_factor import ResetSecondFactor
from commands.service_account import (
    ChangeServiceRole,
    CreateServiceAccount,
    CreateServiceToken,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    RevokeServiceToken,
    Subscribe,
    Unsubscribe,
)
from commands.training_job import CancelTraining, RequestTraining, RunAgain
from commands.trash import DeleteDataset, PurgeDataset, PurgeProject, UndeleteDataset
from domain.dataset import Dataset
from domain.membership import membership_id
from domain.roles import Permission, Reach, Role, Scope, reach, scope_of
from tests.api.folders import filled, listed, scenes, send
from tests.api.phone import secured
from tests.api.visitor import PASSWORD, PREFIX, Visitor
from tests.api.worker import Worker, requested, trained

COMMANDS: Final[list[tuple[type[Command], str, str, dict[str, Any]]]] = [
    (CreateProject, "POST", "/projects", {"name": "P"}),
    (RenameProject, "PATCH", "/projects/{project_id}", {"name": "Q"}),
    (DescribeProject, "PUT", "/projects/{project_id}/description", {"description": "D"}),
    (ArchiveProject, "POST", "/projects/{new_project_id}/archive", {}),
    (RestoreProject, "POST", "/projects/{project_id}/restore", {}),
    (DeleteProject, "DELETE", "/projects/{new_project_id}", {}),
    (UndeleteProject, "POST", "/projects/{new_project_id}/undelete", {}),
    (AddProjectMember, "POST", "/projects/{project_id}/members", {"person_id": "{person_id}"}),
    (ChangeProjectRole, "PATCH", "/projects/{project_id}/members/{placed_id}", {"role": "member"}),
    (RemoveProjectMember, "DELETE", "/projects/{project_id}/members/{placed_id}", {}),
    (OfferProject, "POST", "/projects/{new_project_id}/owner/offer", {"person_id": "{person_id}"}),
    (WithdrawProject, "POST", "/projects/{offered_project_id}/owner/withdraw", {}),
    (CreateDataset, "POST", "/datasets", {"name": "D"}),
    (CommitUpload, "POST", "/datasets/{dataset_id}/uploads/{upload_id}/commit", {}),
    (MakeSplit, "POST", "/datasets/{dataset_id}/split", {}),
    (TakeSnapshot, "POST", "/datasets/{dataset_id}/snapshot", {"tag": "{tag}"}),
    (AddDatasetMember, "POST", "/datasets/{dataset_id}/members", {"person_id": "{person_id}"}),
    (ChangeDatasetRole, "PATCH", "/datasets/{dataset_id}/members/{reading_id}", {"role": "editor"}),
    (RemoveDatasetMember, "DELETE", "/datasets/{dataset_id}/members/{reading_id}", {}),
    (OfferDataset, "POST", "/datasets/{new_dataset_id}/owner/offer", {"person_id": "{person_id}"}),
    (WithdrawDataset, "POST", "/datasets/{offered_dataset_id}/owner/withdraw", {}),
    (DeleteDataset, "DELETE", "/datasets/{new_dataset_id}", {}),
    (UndeleteDataset, "POST", "/datasets/{trashed_dataset_id}/undelete", {}),
    (PurgeDataset, "POST", "/datasets/{trashed_dataset_id}/purge", {"name": "another"}),
    (PurgeProject, "POST", "/projects/{trashed_project_id}/purge", {"name": "another"}),
    (CreateExperiment, "POST", "/experiments", {"project_id": "{project_id}", "name": "E"}),
    (RequestTraining, "POST", "/training-jobs", {"project_id": "{project_id}", "dataset_id": "{dataset_id}",
                                                 "framework": "timm", "model": "small"}),
    (RunAgain, "POST", "/training-jobs/{job_id}/run-again", {}),
    (CancelTraining, "POST", "/training-jobs/{new_job_id}/cancel", {}),
    (ChangeOrganization, "PATCH", "/organization", {"name": "O"}),
    (CloseOrganization, "POST", "/organization/close", {"name": "another", "password": PASSWORD}),
    (ReopenOrganization, "POST", "/organization/reopen", {}),
    (CreateServiceAccount, "POST", "/service-accounts", {"name": "S"}),
    (RenameServiceAccount, "PATCH", "/service-accounts/{service_id}", {"name": "S"}),
    (ChangeServiceRole, "PATCH", "/service-accounts/{service_id}/role", {"role": "engineer_i"}),
    (DisableServiceAccount, "POST", "/service-accounts/{service_id}/disable", {}),
    (EnableServiceAccount, "POST", "/service-accounts/{service_id}/enable", {}),
    (DeleteServiceAccount, "DELETE", "/service-accounts/{new_service_id}", {}),
    (Subscribe, "POST", "/service-accounts/{service_id}/subscription", {}),
    (Unsubscribe, "DELETE", "/service-accounts/{service_id}/subscription", {}),
    (CreateServiceToken, "POST", "/service-accounts/{service_id}/tokens", {"name": "T"}),
    (RevokeServiceToken, "DELETE", "/service-accounts/{service_id}/tokens/{service_token_id}", {}),
    (CreateToken, "POST", "/tokens", {"name": "T"}),
    (RevokeToken, "DELETE", "/tokens/{token_id}", {}),
    (InviteToOrganization, "POST", "/invitations", {"email": "{address}"}),
    (InviteToProject, "POST", "/invitations", {"type": "project", "target_id": "{project_id}", "email": "{address}",
                                               "role": "viewer"}),
    (InviteToDataset, "POST", "/invitations", {"type": "dataset", "target_id": "{dataset_id}", "email": "{address}"}),
    (PlaceByAddress, "POST", "/projects/{project_id}/members", {"email": "{address}", "role": "viewer"}),
    (ResendInvitation, "POST", "/invitations/{invitation_id}/resend", {}),
    (CancelInvitation, "DELETE", "/invitations/{invitation_id}", {}),
    (ApproveMember, "POST", "/members/{id}/approve", {"role": "guest"}),
    (ChangeRole, "PATCH", "/admin/users/{person_id}/role", {"role": "engineer_i"}),
    (RenameMember, "PATCH", "/admin/users/{person_id}", {"full_name": "N"}),
    (DeactivateMember, "POST", "/admin/users/{person_id}/deactivate", {}),
    (ReactivateMember, "POST", "/admin/users/{person_id}/reactivate", {}),
    (RemoveMember, "DELETE", "/admin/users/{person_id}", {}),
    (ResetSecondFactor, "DELETE", "/admin/users/{secured_id}/second-factor", {}),
]  # fmt: skip
# Whoever may is told that the name is another: everybody here works in that organization.
NAMED_WRONGLY: Final = {"/organization/close"}
CHANGE: Final = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
# What is about oneself, whatever the role: here everybody is told that there is nothing to leave or to take.
PLACES: Final[list[tuple[type[Command], str, str]]] = [
    (AcceptProject, "POST", "/projects/{project_id}/owner/accept"),
    (DeclineProject, "POST", "/projects/{project_id}/owner/decline"),
    (LeaveProject, "DELETE", "/projects/{project_id}/members/{own_id}"),
    (AcceptDataset, "POST", "/datasets/{dataset_id}/owner/accept"),
    (DeclineDataset, "POST", "/datasets/{dataset_id}/owner/decline"),
    (LeaveDataset, "DELETE", "/datasets/{dataset_id}/members/{own_id}"),
]
# What the routes themselves ask for, before there is a command.
UPLOADS: Final[list[tuple[May, str, str, dict[str, Any]]]] = [
    (May(Permission.READ), "POST", "/datasets/analyze", {"files": listed(scenes())}),
    (CHANGE, "POST", "/datasets/{dataset_id}/uploads", {}),
    (CHANGE, "POST", "/datasets/{dataset_id}/uploads/{upload_id}/files", {"files": []}),
    (CHANGE, "GET", "/datasets/{dataset_id}/uploads/{upload_id}/analysis", {}),
]
QUERIES: Final = [
    (Permission.READ, "/projects"),
    (Permission.READ, "/projects/{project_id}"),
    (Permission.READ, "/projects/{project_id}/members"),
    (Permission.READ, "/datasets"),
    (Permission.READ, "/datasets/compare?dataset_a={dataset_id}&dataset_b={dataset_id}"),
    (Permission.READ, "/datasets/{dataset_id}"),
    (Permission.READ, "/datasets/{dataset_id}/members"),
    (Permission.READ, "/datasets/{dataset_id}/report"),
    (Permission.READ, "/datasets/{dataset_id}/images"),
    (Permission.READ, "/datasets/{dataset_id}/split"),
    (Permission.READ, "/datasets/{dataset_id}/snapshots"),
    (Permission.READ, "/experiments"),
    (Permission.READ, "/experiments/{experiment_id}"),
    (Permission.READ, "/experiments/{experiment_id}/runs"),
    (Permission.READ, "/experiments/{experiment_id}/runs/compare?run={job_id}"),
    (Permission.READ, "/experiments/{experiment_id}/runs/{job_id}/metrics"),
    (Permission.READ, "/training/models"),
    (Permission.READ, "/training-jobs"),
    (Permission.READ, "/training-jobs/{job_id}"),
    (Permission.READ, "/training-jobs/{job_id}/logs"),
    (Permission.READ, "/models"),
    (Permission.READ, "/models/{model_id}"),
    (Permission.READ, "/models/{model_id}/lineage"),
    (Permission.READ_SECURITY, "/admin/security"),
    (Permission.READ_HISTORY, "/audit/me"),
    (Permission.READ, "/permissions/explain?action=create_project"),
    (Permission.READ_HISTORY, "/audit/entity/{type}/{entity_id}"),
    (Permission.READ_HISTORY, "/audit/project/{project_id}"),
    (Permission.READ, "/organization"),
    (Permission.READ_MEMBERS, "/members"),
    (Permission.READ_MEMBERS, "/service-accounts"),
    (Permission.READ_MEMBERS, "/service-accounts/{service_id}"),
    (Permission.READ_HISTORY, "/service-accounts/{subscriber_id}/subscription"),
    (Permission.MANAGE_SERVICE_ACCOUNTS, "/service-accounts/{service_id}/tokens"),
    (Permission.MANAGE_TOKENS, "/tokens"),
    (Permission.MANAGE_INVITATIONS, "/invitations"),
    (Permission.READ_AUDIT, "/audit/organization"),
    (Permission.MANAGE_MEMBERS, "/admin/users"),
    (Permission.MANAGE_MEMBERS, "/admin/users/{own_id}"),
]
OPEN: Final = {
    ("GET", "/health"),
    ("GET", "/ready"),
    *(("POST", f"/auth/{word}") for word in ("register", "login", "refresh", "forgot-password", "reset-password")),
    *(("POST", f"/auth/{word}") for word in ("verify-email", "resend-verification", "login/second-factor")),
    *(("POST", f"/invitations/{word}") for word in ("accept", "decline")),
    ("GET", "/invitations/{token}/info"),
}
ONESELF: Final = {
    ("GET", "/auth/me"),
    ("GET", "/auth/me/organizations"),
    ("PUT", "/auth/me/language"),
    ("PATCH", "/users/me"),
    ("POST", "/users/me/email"),
    ("DELETE", "/users/me"),
    ("GET", "/users/me/export"),
    ("POST", "/users/me/erasure/cancel"),
    ("GET", "/auth/second-factor"),
    *(("POST", f"/auth/second-factor/{word}") for word in ("begin", "confirm", "recovery-codes", "off")),
}
SESSIONS: Final = {
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions/{session_id}"),
    *(("POST", f"/auth/{word}") for word in ("switch", "logout", "logout-everywhere")),
}
# What only those do whom the host named.
OF_OPERATORS: Final = {
    ("GET", "/admin/organizations"),
    ("PATCH", "/admin/organizations/{organization_id}"),
    ("GET", "/admin/security/counts"),
}
# The same address under another name in the API's description, where a test needs one more thing of that kind.
DESCRIBED: Final = {
    "{new_job_id}": "{job_id}",
    "{entity_id}": "{id}",
    "{token_id}": "{id}",
    "{new_service_id}": "{id}",
    "{service_id}": "{id}",
    "{subscriber_id}": "{id}",
    "{service_token_id}": "{token_id}",
    "{invitation_id}": "{id}",
    "{new_project_id}": "{project_id}",
    "{offered_project_id}": "{project_id}",
    "{new_dataset_id}": "{dataset_id}",
    "{offered_dataset_id}": "{dataset_id}",
    "{trashed_project_id}": "{project_id}",
    "{trashed_dataset_id}": "{dataset_id}",
    "{placed_id}": "{person_id}",
    "{reading_id}": "{person_id}",
    "{own_id}": "{person_id}",
    "{secured_id}": "{person_id}",
}
Operation = tuple[str, str]
ALL_SCOPES: Final = {"guest": Role.GUEST, "service": Role.MANAGER}


class Things(dict[str, str]):
    """What an address names; what a command uses up is made anew each time that it is asked for."""

    def __init__(self, lasting: dict[str, str], fresh: dict[str, Callable[[], str]]) -> None:
        super().__init__(lasting)
        self.fresh = fresh

    def __missing__(self, name: str) -> str:
        return self.fresh[name]()


@pytest.fixture(scope="module")
def people(ann: Visitor) -> dict[Role, Visitor]:
    ann("PATCH", "/organization", {"max_users": 1_000})
    ann.verified()
    return {role: ann.colleague(role).verified() for role in Role}


@pytest.fixture(scope="module")
def carrying(ann: Visitor) -> dict[str, Visitor]:
    """Programs with a token of the admin's, one for each scope, one of a guest's for all of them, and a manager's own
    service account with all of them.
    """
    carried = {str(scope): ann.program(scope) for scope in Scope}
    return carried | {"guest": ann.colleague(Role.GUEST).program(*Scope), "service": ann.service(Role.MANAGER, *Scope)}


def subscribed(admin: Visitor) -> str:
    id = admin.service(Role.GUEST).id
    admin.post(f"/service-accounts/{id}/subscription")
    return id


@pytest.fixture(scope="module")
def things(ann: Visitor, worker: Worker, client: TestClient) -> Things:
    """Owned by the admin, whose address is proven."""
    ann.verified()
    dataset = filled(ann)
    job = trained(ann, worker, dataset)
    lasting = {
        "project_id": job["project_id"],
        "dataset_id": dataset,
        "experiment_id": job["experiment_id"],
        "job_id": job["id"],
        "model_id": job["model"],
        "type": "dataset",
        "entity_id": dataset,
        "attempt": "1",
        "own_id": ann.id,
        "session_id": ann.id,
        "organization_id": ann.organization,
        "service_id": ann.service(Role.ENGINEER_II).id,
        "subscriber_id": subscribed(ann),
    }

    def waiting() -> str:
        other = Visitor(client).register(ann.company)
        return str(membership_id(UUID(other.organization), UUID(other.id)))

    def upload() -> str:
        return send(ann, dataset, scenes()).rpartition("/")[2]

    def address() -> str:
        return f"{uuid7().hex}@example.org"

    def another(kind: str) -> str:
        return str(ann.post(f"/{kind}", {"name": "another"})["id"])

    def trashed(kind: str) -> str:
        return str(ann("DELETE", f"/{kind}/{another(kind)}").json()["id"])

    def offered(kind: str) -> str:
        id = another(kind)
        ann.post(f"/{kind}/{id}/owner/offer", {"person_id": ann.colleague("guest").id})
        return id

    def placed(thing: str) -> str:
        person = ann.colleague("guest").id
        ann.post(f"/{thing}/members", {"person_id": person})
        return person

    def service_token() -> str:
        return str(ann.post(f"/service-accounts/{lasting['service_id']}/tokens", {"name": "T"})["id"])

    def with_second_factor() -> str:
        person = ann.colleague("guest")
        secured(person)
        return person.id

    fresh: dict[str, Callable[[], str]] = {
        "secured_id": with_second_factor,
        "id": waiting,
        "new_service_id": lambda: str(ann.post("/service-accounts", {"name": "S"})["id"]),
        "service_token_id": service_token,
        "invitation_id": lambda: str(ann.post("/invitations", {"email": address()})["id"]),
        "address": address,
        "token_id": lambda: str(ann.post("/tokens", {"name": "T"})["id"]),
        "new_project_id": lambda: another("projects"),
        "offered_project_id": lambda: offered("projects"),
        "placed_id": lambda: placed(f"projects/{job['project_id']}"),
        "new_dataset_id": lambda: another("datasets"),
        "offered_dataset_id": lambda: offered("datasets"),
        "reading_id": lambda: placed(f"datasets/{dataset}"),
        "trashed_project_id": lambda: trashed("projects"),
        "trashed_dataset_id": lambda: trashed("datasets"),
        "person_id": lambda: ann.colleague("guest").id,
        "new_job_id": lambda: str(requested(ann, dataset)["id"]),
        "upload_id": upload,
        "tag": lambda: f"t{uuid7().hex}",
    }
    return Things(lasting, fresh)


@pytest.fixture(scope="module")
def operations(client: TestClient) -> set[Operation]:
    """Every one that the API describes."""
    assert isinstance(client.app, FastAPI)
    paths = client.app.openapi()["paths"].items()
    return {(way.upper(), path[len(PREFIX) :]) for path, ways in paths if path.startswith(PREFIX) for way in ways}


def described(path: str) -> str:
    for ours, its in DESCRIBED.items():
        path = path.replace(ours, its)
    return path.partition("?")[0]


def is_of_workers(operation: Operation) -> bool:
    return operation[1].startswith("/workers/") or "/attempts" in operation[1]


def test_every_operation_is_asked_here(operations: set[Operation]) -> None:
    asked = [
        *((row[1], row[2]) for row in COMMANDS),
        *((row[1], row[2]) for row in PLACES),
        *(row[1:3] for row in UPLOADS),
    ]
    commands = {(method, described(path)) for method, path in asked}
    queries = {("GET", described(path)) for _, path in QUERIES}
    known = commands | queries | OPEN | ONESELF | SESSIONS | OF_OPERATORS
    assert {each for each in operations if not is_of_workers(each)} == known


def test_every_command_of_a_member_is_asked_here() -> None:
    assert {command for command in HANDLERS if isinstance(command.ACCESS, May)} == {
        row[0] for row in [*COMMANDS, *PLACES]
    }


@pytest.mark.parametrize(
    ("rule", "method", "path", "body"), [*((row[0].ACCESS, *row[1:]) for row in COMMANDS), *UPLOADS]
)
def test_a_command_is_for_those_whose_role_reaches_the_thing(
    people: dict[Role, Visitor], things: Things, rule: May, method: str, path: str, body: dict[str, Any]
) -> None:
    for role in reversed(Role):
        far = reach(role, rule.permission)
        allowed = far is Reach.ANY or (far is Reach.OWN and rule.on is None)
        named = {k: v.format_map(things) if isinstance(v, str) else v for k, v in body.items()}
        answer = people[role](method, path.format_map(things), named)
        let = answer.status_code == 409 if path in NAMED_WRONGLY else answer.is_success
        assert let if allowed else answer.status_code == 403, f"{role}: {answer.text}"


@pytest.mark.parametrize(
    ("rule", "method", "path", "body"), [*((row[0].ACCESS, *row[1:]) for row in COMMANDS), *UPLOADS]
)
def test_an_api_token_gives_the_commands_of_its_scope(
    carrying: dict[str, Visitor], things: Things, rule: May, method: str, path: str, body: dict[str, Any]
) -> None:
    for carried, program in carrying.items():
        named = {k: v.format_map(things) if isinstance(v, str) else v for k, v in body.items()}
        answer = program(method, path.format_map(things), named)
        allowed = lets(carried, rule.permission, rule.on is None)
        assert answer.is_success if allowed else answer.status_code == 403, f"{carried}: {answer.text}"


@pytest.mark.parametrize(("permission", "path"), QUERIES)
def test_an_api_token_asks_the_queries_of_its_scope(
    ann: Visitor, carrying: dict[str, Visitor], things: Things, permission: Permission, path: str
) -> None:
    for carried, program in carrying.items():
        answer = program("GET", path.format_map(things), Vistory_Min_Position=ann.seen)
        expected = 200 if lets(carried, permission, True) else 403
        assert answer.status_code == expected, f"{carried}: {answer.text}"


def lets(carried: str, permission: Permission, own: bool) -> bool:
    if carried in ALL_SCOPES:
        if carried == "service" and permission is Permission.CREATE_PROJECT:
            return False  # whoever owns it must be a person
        far = reach(ALL_SCOPES[carried], permission)
        return scope_of(permission) is not None and (far is Reach.ANY or (far is Reach.OWN and own))
    return scope_of(permission) == carried


def test_what_is_about_oneself_is_for_no_api_token(carrying: dict[str, Visitor], things: Things) -> None:
    operations = [*ONESELF, *SESSIONS, *((method, path) for _, method, path in PLACES)]
    for carried, program in carrying.items():
        for method, path in operations:
            answer = program(method, path.format_map({**things, "own_id": program.id}))
            assert answer.status_code == 403, f"{carried} {path}: {answer.text}"


@pytest.mark.parametrize(("command", "method", "path"), PLACES)
def test_one_s_own_place_is_for_every_role_to_give_up_or_to_take(
    people: dict[Role, Visitor], things: Things, command: type[Command], method: str, path: str
) -> None:
    for role, person in people.items():
        answer = person(method, path.format_map({**things, "own_id": person.id}))
        assert answer.status_code == 409, f"{role}: {answer.text}"


@pytest.mark.parametrize(("permission", "path"), QUERIES)
def test_a_query_is_for_those_whose_role_includes_it(
    ann: Visitor, people: dict[Role, Visitor], things: Things, permission: Permission, path: str
) -> None:
    for role, person in people.items():
        answer = person("GET", path.format_map(things), Vistory_Min_Position=ann.seen)
        assert answer.status_code == (200 if reach(role, permission) else 403), f"{role}: {answer.text}"


def registered(ann: Visitor, client: TestClient) -> Visitor:
    return Visitor(client).register(ann.company)


def went_on(ann: Visitor, client: TestClient) -> Visitor:
    """An admin elsewhere, invited by somebody who lets nobody in, who accepted signed in."""
    waiting, engineer = Visitor(client).register(f"Of {uuid7()}"), ann.colleague("engineer_i").verified()
    mine = engineer.post("/projects", {"name": "mine"})["id"]
    asked = {"email": waiting.email, "type": "project", "target_id": mine}
    app = client.app
    assert isinstance(app, FastAPI)
    id = UUID(engineer.post("/invitations", asked)["id"])
    token = app.state.house.core.links().token(Purpose.INVITATION, id, 1)
    answer = waiting.post("/invitations/accept", {"token": token})
    waiting.token, waiting.organization = answer["access_token"], answer["person"]["organization_id"]
    assert (waiting.organization, answer["person"]["status"]) == (ann.organization, "waiting")
    return waiting


@pytest.mark.parametrize("come", [registered, went_on])
def test_one_who_waits_does_nothing_but_what_is_about_oneself(
    ann: Visitor, client: TestClient, things: Things, come: Callable[[Visitor, TestClient], Visitor]
) -> None:
    waiting = come(ann, client)
    for row in COMMANDS:
        method, path, body = row[1:]
        named = {k: v.format_map(things) if isinstance(v, str) else v for k, v in body.items()}
        assert waiting(method, path.format_map(things), named).status_code == 403, path
    for _, method, path in PLACES:
        assert waiting(method, path.format_map({**things, "own_id": waiting.id})).status_code == 403, path


@pytest.mark.parametrize("come", [registered, went_on])
def test_one_who_waits_sees_only_who_they_are(
    ann: Visitor, client: TestClient, things: Things, come: Callable[[Visitor, TestClient], Visitor]
) -> None:
    waiting = come(ann, client)
    for path in sorted(path for method, path in ONESELF if method == "GET"):
        assert waiting("GET", path).is_success, path
    for _, path in QUERIES:
        assert waiting("GET", path.format_map(things)).status_code == 403, path


def test_nobody_is_let_in_without_a_token(stranger: Visitor, things: Things, operations: set[Operation]) -> None:
    for method, path in operations - OPEN:
        assert stranger(method, path.format_map(things)).status_code == 401, path


def test_what_is_for_operators_is_for_no_member(ann: Visitor, things: Things) -> None:
    for method, path in OF_OPERATORS:
        assert ann(method, path.format_map(things), {} if method == "PATCH" else None).status_code == 403, path


def test_what_is_for_workers_is_for_no_member(ann: Visitor, things: Things, operations: set[Operation]) -> None:
    of_workers = {each for each in operations if is_of_workers(each)}
    assert len(of_workers) > 5
    for method, path in of_workers:
        assert ann(method, path.format_map(things)).status_code == 401, path


def test_a_change_of_role_holds_at_once_whatever_the_token_says(ann: Visitor) -> None:
    engineer = ann.colleague("engineer_ii")
    assert engineer("POST", "/datasets", {"name": "D"}).status_code == 201
    assert ann("PATCH", f"/admin/users/{engineer.id}/role", {"role": "guest"}).status_code == 200
    assert engineer("POST", "/datasets", {"name": "D"}).status_code == 403


def test_the_last_admin_stays(founder: Any) -> None:
    admin = founder()
    answer = admin("PATCH", f"/admin/users/{admin.id}/role", {"role": "guest"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-needs-an-admin")


ABOUT_A_THING: Final = [
    (method, path, body)
    for method, path, body in [
        *(row[1:] for row in COMMANDS),
        *(row[1:] for row in UPLOADS),
        *((*row[1:], {}) for row in PLACES),
    ]
    if "{" in path or any("_id}" in word for word in body.values() if isinstance(word, str))
]
# Beside what stands there without being asked for.
MORE: Final = (
    "/invitations?everybody=true",
    "/tokens?everybody=true",
    "/members?waiting=true",
    "/projects?archived=true",
    "/projects?deleted=true",
    "/datasets?deleted=true",
    "/audit/organization?noisy=true&limit=1000",
)
LISTS: Final = [*(path for _, path in QUERIES if "{" not in path), *MORE]
# The same for everybody, whoever asks; or empty as long as nobody tries anything.
NAMELESS: Final = {"/training/models", "/permissions/explain?action=create_project", "/admin/security"}


@pytest.mark.parametrize(("method", "path", "body"), ABOUT_A_THING)
def test_no_other_organization_changes_a_thing_of_this_one(
    bob: Visitor, things: Things, method: str, path: str, body: dict[str, Any]
) -> None:
    named = {k: v.format_map(things) if isinstance(v, str) else v for k, v in body.items()}
    answer = bob.verified()(method, path.format_map(things), named)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", [path for _, path in QUERIES if "{" in path])
def test_no_other_organization_reads_a_thing_of_this_one(ann: Visitor, bob: Visitor, things: Things, path: str) -> None:
    address = path.format_map(things)
    assert ann("GET", address, Vistory_Min_Position=ann.seen).status_code == 200
    assert bob("GET", address, Vistory_Min_Position=ann.seen).status_code == 404


@pytest.fixture(scope="module")
def ids(ann: Visitor, things: Things) -> set[str]:
    """Of what every list of the organization names some."""
    fresh = ("invitation_id", "token_id", "id", "trashed_project_id", "trashed_dataset_id", "new_project_id")
    made = {name: things[name] for name in fresh}
    ann.post(f"/projects/{made['new_project_id']}/archive")
    return {ann.id, ann.organization, *made.values(), *(word for word in things.values() if "-" in word)}


@pytest.mark.parametrize("path", LISTS)
def test_no_list_of_another_organization_s_names_a_thing_of_this_one(
    ann: Visitor, bob: Visitor, ids: set[str], path: str
) -> None:
    mine, theirs = (who("GET", path, Vistory_Min_Position=ann.seen) for who in (ann, bob))
    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert path in NAMELESS or any(id in mine.text for id in ids)
    assert [id for id in ids if id in theirs.text] == []
