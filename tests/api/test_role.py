"""Who may do what: every endpoint asked by every role, and the answer taken from the declared rules."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from commands import HANDLERS
from commands.access import Command, May
from commands.project import RenameProject
from domain.membership import membership_id
from domain.roles import DatasetRole, Permission, ProjectRole, Reach, Role, Scope, reach, scope_of
from domain.trash import IsInUse
from infra.unit import Unit
from tests.api.asked import COMMANDS, PLACES, QUERIES
from tests.api.folders import filled, scenes, send
from tests.api.holdings import ANYTHING_NEW, Company, Things, begun, holdings, made, wrong
from tests.api.matrix import (
    ABOUT_ONESELF,
    ASKED,
    QUESTIONS,
    WISHES,
    Asking,
    Cell,
    Relation,
    Standing,
    due,
    standings,
)
from tests.api.phone import secured
from tests.api.visitor import PREFIX, Visitor
from tests.api.walled import nothing_but_noted
from tests.api.worker import Worker, requested, trained

OPEN: Final = {
    ("GET", "/health"),
    ("GET", "/ready"),
    *(("POST", f"/auth/{word}") for word in ("register", "login", "refresh", "forgot-password", "reset-password")),
    *(("POST", f"/auth/{word}") for word in ("verify-email", "resend-verification", "login/second-factor")),
    *(("POST", f"/invitations/{word}") for word in ("accept", "decline", "info")),
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
# What is the program's that carries a token.
CARRIED: Final = {("GET", "/auth/token")}
# What only those do whom the host named.
OF_OPERATORS: Final = {
    ("GET", "/admin/organizations"),
    ("PATCH", "/admin/organizations/{organization_id}"),
    ("GET", "/admin/security/counts"),
}
# The same address under another name in the API's description, where a test needs one more thing of that kind.
DESCRIBED: Final = {
    "{new_job_id}": "{job_id}",
    "{new_upload_id}": "{upload_id}",
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
# What anybody may do before their address is verified: it gives up what is their own, or only reads.
UNVERIFIED: Final = {
    ("POST", "/datasets/analyze"),
    ("GET", "/datasets/{dataset_id}/uploads/{upload_id}/analysis"),
    ("DELETE", "/projects/{project_id}/members/{own_id}"),
    ("DELETE", "/datasets/{dataset_id}/members/{own_id}"),
    ("POST", "/projects/{project_id}/owner/decline"),
    ("POST", "/datasets/{dataset_id}/owner/decline"),
    ("DELETE", "/invitations/{invitation_id}"),
}
Operation = tuple[str, str]
ALL_SCOPES: Final = {"guest": Role.GUEST, "service": Role.MANAGER}


@pytest.fixture(scope="module")
def people(ann: Visitor) -> dict[Role, Visitor]:
    ann("PATCH", "/organization", {"max_users": 1_000})
    ann.verified()
    return {role: ann.colleague(role).verified() for role in Role}


@pytest.fixture(scope="module")
def company(ann: Visitor, bob: Visitor, people: dict[Role, Visitor], things: Things) -> Company:
    """Whoever owns something here made it as a manager, and has the role that it asks in since then."""
    bob("PATCH", "/organization", {"max_users": 1_000})
    reader = (ann.colleague("guest"), ProjectRole.VIEWER, DatasetRole.VIEWER)
    owners = {role: ann.colleague("manager").verified() for role in Role}
    here = things["project_id"], things["dataset_id"]
    owned, beside = {}, {}
    for role, owner in owners.items():
        owned[role] = holdings(owner, reader)
        beside[role] = Things(owned[role] | begun(ann, owned[role]["project_id"], here[1]))
        owned[role] |= begun(owner, *here) | {"token_id": owner.post("/tokens", {"name": "T"})["id"]}
        if role is Role.GUEST:  # who may own one project
            owner("DELETE", f"/projects/{owned[role]['new_project_id']}")
        assert ann("PATCH", f"/admin/users/{owner.id}/role", {"role": role}).is_success
    placed: dict[Standing, Things] = {}
    for places in zip(ProjectRole, DatasetRole, strict=True):
        there = holdings(ann, reader, *((person, *places) for person in people.values()))
        placed |= dict.fromkeys(places, there)
    strangers = {role: bob if role is Role.ADMIN else bob.colleague(role) for role in Role}
    return Company(ann, people, owners, strangers, things, owned, beside, placed)


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

    def trashed(kind: str) -> str:
        return str(ann("DELETE", f"/{kind}/{made(ann, kind)}").json()["id"])

    def offered(kind: str) -> str:
        id = made(ann, kind)
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
        "invitation_id": lambda: str(ann.post("/invitations", {"email": ANYTHING_NEW["address"]()})["id"]),
        "token_id": lambda: str(ann.post("/tokens", {"name": "T"})["id"]),
        "new_project_id": lambda: made(ann, "projects"),
        "offered_project_id": lambda: offered("projects"),
        "placed_id": lambda: placed(f"projects/{job['project_id']}"),
        "new_dataset_id": lambda: made(ann, "datasets"),
        "offered_dataset_id": lambda: offered("datasets"),
        "reading_id": lambda: placed(f"datasets/{dataset}"),
        "trashed_project_id": lambda: trashed("projects"),
        "trashed_dataset_id": lambda: trashed("datasets"),
        "person_id": lambda: ann.colleague("guest").id,
        "new_job_id": lambda: str(requested(ann, dataset)["id"]),
        "upload_id": upload,
        "new_upload_id": lambda: str(ann.post(f"/datasets/{dataset}/uploads")["id"]),
    }
    return Things(lasting, fresh | ANYTHING_NEW)


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
    assert unasked(operations) == set()


def unasked(operations: set[Operation]) -> set[Operation]:
    """And what is asked for that there is not."""
    asked = {(each.method, described(each.path)) for each in ASKED}
    return {each for each in operations if not is_of_workers(each)} ^ (
        asked | OPEN | ONESELF | SESSIONS | CARRIED | OF_OPERATORS
    )


def test_every_command_of_a_member_is_asked_here() -> None:
    assert not_asked(HANDLERS) == set()


def not_asked(commands: Iterable[type[Command]]) -> set[type[Command]]:
    known: set[type[Command]] = {*(row[0] for row in COMMANDS), *(row[0] for row in PLACES)}
    return {each for each in commands if isinstance(each.ACCESS, May)} ^ known


def test_an_operation_and_a_command_that_nobody_asks_are_found(operations: set[Operation]) -> None:
    new = ("POST", "/projects/{project_id}/explode")
    planted = type("ExplodeProject", (Command,), {"ACCESS": May(Permission.READ)})
    assert unasked({*operations, new}) == {new}
    assert not_asked([*HANDLERS, planted]) == {planted}


def of_renaming(relation: Relation) -> list[Cell]:
    (asking,) = (each for each in ASKED if each.rule is RenameProject.ACCESS and each.method == "PATCH")
    return [Cell(asking, relation, None, role) for role in Role]


def test_a_rule_that_is_declared_and_not_asked_is_found(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(May, "let", lambda rule, caller, store, target: caller.acting("admin"))
    cells = of_renaming(Relation.ORGANIZATION)
    found = [cell.role for cell in cells if wrong(cell, company.asking(cell)())]
    assert found == [Role.ENGINEER_II, Role.ENGINEER_I, Role.GUEST]


@pytest.mark.parametrize("path", ["/projects/{project_id}", "/invitations/{invitation_id}"])
def test_a_right_that_is_withheld_by_a_conflict_is_found(
    company: Company, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Whether or not that operation may end in another conflict."""

    def withheld(*_: object) -> None:
        raise IsInUse("something else is in the way")

    monkeypatch.setattr(May, "let", withheld)
    (asking,) = (each for each in WISHES if each.path == path and each.method in ("PATCH", "DELETE"))
    cells = [Cell(asking, Relation.OWN, None, role) for role in Role]
    found = [cell.role for cell in cells if wrong(cell, company.asking(cell)())]
    assert found == [*Role]


def test_a_wall_that_is_not_there_is_found(company: Company, bob: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [(cell, company.asking(cell)) for cell in of_renaming(Relation.FOREIGN)]
    with monkeypatch.context() as planted:
        planted.setattr(Unit, "_inside", lambda store, thing: True)
        found = [cell.role for cell, ask in asked if wrong(cell, ask())]
    assert found == [*Role]


def told(number: int, asking: Asking, relation: Relation, place: Standing | None) -> str:
    return f"{number} {asking.method} {asking.path} {place or relation}"


STANDINGS: Final = [(asking, *each) for asking in ASKED for each in standings(asking)]
INSIDE: Final = [each for each in STANDINGS if each[1] is not Relation.FOREIGN]
FOREIGN: Final = [each for each in STANDINGS if each[1] is Relation.FOREIGN]


@pytest.mark.parametrize(("asking", "relation", "place"), INSIDE, ids=[told(n, *each) for n, each in enumerate(INSIDE)])
def test_what_is_declared_is_what_is_answered(
    company: Company, asking: Asking, relation: Relation, place: Standing | None
) -> None:
    cells = [Cell(asking, relation, place, role) for role in reversed(Role)]
    assert [found for cell in cells if (found := wrong(cell, company.asking(cell)()))] == []


@pytest.mark.parametrize(
    ("asking", "relation", "place"), FOREIGN, ids=[told(n, *each) for n, each in enumerate(FOREIGN)]
)
def test_what_another_organization_has_is_not_there_and_that_it_was_asked_for_is_all_that_is_noted(
    company: Company, bob: Visitor, asking: Asking, relation: Relation, place: Standing | None
) -> None:
    asked = [(cell, company.asking(cell)) for cell in (Cell(asking, relation, place, role) for role in Role)]
    with nothing_but_noted(bob, times=sum(due(cell) == {404} for cell, _ in asked)):
        assert [found for cell, ask in asked if (found := wrong(cell, ask()))] == []


def test_whoever_has_not_verified_the_address_reads_and_does_no_more(ann: Visitor, things: Things) -> None:
    """An admin even; but whoever gives something up is not kept from it."""
    admin = ann.approve(Visitor(ann.client).arrive(ann.company), "admin")
    named = Things(things | {"own_id": admin.id}, things.fresh)
    open_to_all = set()
    for asking in [*WISHES, *ABOUT_ONESELF]:
        body = {k: v.format_map(named.kept) if isinstance(v, str) else v for k, v in asking.body.items()}
        answer = admin(asking.method, asking.path.format_map(named.kept), body)
        if answer.status_code != 409 or answer.json()["type"] != "urn:vistory:problem:address-is-not-verified":
            open_to_all.add((asking.method, asking.path))
    assert open_to_all == UNVERIFIED
    for asking in QUESTIONS:
        answer = admin("GET", asking.path.format_map(named), Vistory_Min_Position=ann.seen)
        assert answer.is_success, f"{asking.path}: {answer.text}"


@pytest.mark.parametrize(
    ("rule", "method", "path", "body"), WISHES, ids=[f"{n} {each.method} {each.path}" for n, each in enumerate(WISHES)]
)
def test_an_api_token_gives_the_commands_of_its_scope(
    carrying: dict[str, Visitor], things: Things, rule: May, method: str, path: str, body: dict[str, Any]
) -> None:
    for carried, program in carrying.items():
        allowed = carries(carried, rule.permission, rule.on is None)
        named = things if allowed else things.kept
        said = {k: v.format_map(named) if isinstance(v, str) else v for k, v in body.items()}
        answer = program(method, path.format_map(named), said)
        assert answer.is_success if allowed else answer.status_code == 403, f"{carried}: {answer.text}"


@pytest.mark.parametrize(("permission", "path"), QUERIES)
def test_an_api_token_asks_the_queries_of_its_scope(
    ann: Visitor, carrying: dict[str, Visitor], things: Things, permission: Permission, path: str
) -> None:
    for carried, program in carrying.items():
        answer = program("GET", path.format_map(things), Vistory_Min_Position=ann.seen)
        expected = 200 if carries(carried, permission, True) else 403
        assert answer.status_code == expected, f"{carried}: {answer.text}"


def carries(carried: str, permission: Permission, own: bool) -> bool:
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


def registered(ann: Visitor, client: TestClient) -> Visitor:
    return Visitor(client).register(ann.company)


def went_on(ann: Visitor, client: TestClient) -> Visitor:
    """An admin elsewhere, invited by somebody who lets nobody in, who accepted signed in."""
    waiting, engineer = Visitor(client).register(f"Of {uuid7()}"), ann.colleague("engineer_i").verified()
    mine = engineer.post("/projects", {"name": "mine"})["id"]
    answer = waiting.come_into(engineer, type="project", target_id=mine)
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
        named = {k: v.format_map(things.kept) if isinstance(v, str) else v for k, v in body.items()}
        assert waiting(method, path.format_map(things.kept), named).status_code == 403, path
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
        assert stranger(method, path.format_map(things.kept)).status_code == 401, path


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
