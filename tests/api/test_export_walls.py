"""Nobody's export tells of others: where they are, by what they ask, what they are called, and what is theirs."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from domain.membership import membership_id
from infra.config import Settings
from infra.exported import OWN
from infra.personal_objects import PersonalObjects
from infra.tables import tables
from projections import PROJECTIONS
from tests.api.folders import push, scenes
from tests.api.letters import Delivered
from tests.api.phone import secured
from tests.api.test_export import exported
from tests.api.visitor import Visitor, good
from tests.api.worker import Worker, requested

# What somebody did there is in the audit log's entries, and the rest names nobody.
NOBODYS: Final = {
    "organizations",
    "closures",
    "security_policies",
    "service_accounts",
    "dataset_revisions",
    "dataset_snapshots",
    "training_attempts",
    "training_epochs",
    "training_checkpoints",
    "models",
}
_networks: Final = count(1)


class Marked(Visitor):
    """Somebody whose address, program and name are nobody else's."""

    def __init__(self, client: TestClient, company: str) -> None:
        app = client.app
        assert isinstance(app, FastAPI)
        self.address, self.agent, self.name = f"10.78.{next(_networks)}.1", f"By {uuid7().hex}", f"Named {uuid7().hex}"
        super().__init__(TestClient(app, client=(self.address, 1), headers={"User-Agent": self.agent}))
        self.register(company)
        good(self("PATCH", "/users/me", {"full_name": self.name}))

    def let_in(self, other: "Marked", role: str) -> "Marked":
        self.post(f"/members/{membership_id(UUID(self.organization), UUID(other.id))}/approve", {"role": role})
        return other

    @property
    def words(self) -> set[str]:
        return {self.address, self.agent, self.name, self.email}


@pytest.fixture
def person(client: TestClient, numbers: Iterator[int]) -> Callable[..., Marked]:
    """Of the organization of another, or the founder of one."""
    return lambda of=None: Marked(client, of.company if of else f"Company {next(numbers)}")


def words(found: Any) -> set[str]:
    """Every text and every key that stands anywhere in it."""
    if isinstance(found, dict):
        return set(found) | {word for value in found.values() for word in words(value)}
    if isinstance(found, list):
        return {word for value in found for word in words(value)}
    return {found} if isinstance(found, str) else set()


def row(found: Any, table: str, id: str, key: str = "id") -> dict[str, Any]:
    (one,) = [each for each in found[table] if each[key] == id]
    return dict(one)


def made_anew(who: Visitor, settings: Settings) -> Any:
    PersonalObjects.open(settings).forget(UUID(who.id))
    return exported(who)


def test_every_read_model_is_somebody_s_own_or_nobody_s() -> None:
    assert {table.name for table in tables(PROJECTIONS)} == OWN.keys() | NOBODYS
    assert not OWN.keys() & NOBODYS


def test_nothing_of_a_colleague_is_in_an_export_but_by_which_id_they_acted(person: Callable[..., Marked]) -> None:
    admin = person()
    her, beside = admin.let_in(person(admin), "engineer_i"), admin.let_in(person(admin), "manager")
    project, dataset = (admin.post(f"/{kind}", {"name": "theirs"})["id"] for kind in ("projects", "datasets"))
    for thing in (f"/projects/{project}", f"/datasets/{dataset}"):
        admin.post(f"{thing}/members", {"person_id": her.id, "role": "viewer"})
        admin.post(f"{thing}/owner/offer", {"person_id": her.id})
    beside.post("/projects", {"name": "beside"})
    admin.post("/service-accounts", {"name": "of the organization", "role": "guest"})
    found = exported(her)
    told, text = words(found), json.dumps(found, ensure_ascii=False)
    assert {project, dataset, admin.id, her.email, her.address, her.agent, her.name} <= told
    assert not [word for word in admin.words | beside.words if word in text]
    assert beside.id not in text
    assert "theirs" not in told, "what she is offered is another's, and told by its id"
    others = [each for each in found["audit_entries"] if each["actor_id"] == admin.id]
    assert {"organization.seat_taken", "project.member_added"} <= {each["topic"] for each in others}
    assert {(each["address"], each["agent"]) for each in others} == {(None, None)}


def test_a_letter_about_somebody_is_told_to_whom_it_went(person: Callable[..., Marked], delivered: Delivered) -> None:
    admin = person()
    guest = admin.let_in(person(admin), "guest")
    admin.verified()
    admin.post("/invitations", {"email": "invited@walls.example", "message": "come"})
    delivered()
    name = admin.get("/organization")["name"]
    good(admin("POST", "/organization/close", {"name": name, "password": "correct horse battery"}))
    assert {str(each.letter["to"]) for each in delivered()} >= {admin.email, guest.email}
    to = [each["to"] for each in exported(admin)["letters"]]
    assert guest.email not in to
    assert admin.email in to
    assert guest.email in [each["to"] for each in exported(guest)["letters"]]


def test_an_organization_tells_who_left_it_no_more_than_that_what_was_theirs_is_there(
    person: Callable[..., Marked], settings: Settings
) -> None:
    admin, elsewhere = person(), person()
    her = elsewhere.let_in(person(elsewhere), "engineer_i").verified()
    home = her.token
    her.token = her.come_into(admin, role="engineer_i")["access_token"]
    project = admin.post("/projects", {"name": "of the organization"})["id"]
    experiment = her.post("/experiments", {"project_id": project, "name": "tried"})["id"]
    dataset = her.post("/datasets", {"name": "collected"})["id"]
    push(her, dataset, scenes())
    before = exported(her)
    assert row(before, "datasets", dataset)["name"] == "collected"
    assert row(before, "experiments", experiment)["project_id"] == project
    good(admin("DELETE", f"/admin/users/{her.id}"))
    push(admin, dataset, scenes(train=5))
    her.token = home
    her.post("/datasets", {"name": "here"})
    found = made_anew(her, settings)
    own = {"organization_id": admin.organization, "owner_id": her.id}
    assert row(found, "datasets", dataset) == {"id": dataset, **own}
    assert row(found, "experiments", experiment) == {"id": experiment, **own}
    assert {"datasets", "experiments"} <= found.keys()
    assert [each["name"] for each in found["datasets"] if each["organization_id"] == her.organization] == ["here"]
    assert {each["ended_at"] is None for each in found["members"]} == {True, False}
    assert not [word for word in admin.words | elsewhere.words if word in json.dumps(found, ensure_ascii=False)]
    assert "dataset.created" in {each["topic"] for each in found["audit_entries"]}, "what she did stays hers to know"


def test_what_was_trained_on_a_dataset_is_told_while_that_is_shown(
    person: Callable[..., Marked], worker: Worker, settings: Settings
) -> None:
    admin = person()
    her = admin.let_in(person(admin), "engineer_i")
    dataset = admin.post("/datasets", {"name": "secret", "visibility": "private"})["id"]
    push(admin, dataset, scenes())
    admin.post(f"/datasets/{dataset}/members", {"person_id": her.id, "role": "viewer"})
    her.seen = admin.seen
    job = requested(her, dataset)
    before = exported(her)
    assert row(before, "training_jobs", job["id"])["dataset_id"] == dataset
    assert row(before, "experiment_runs", job["id"], "job_id")["model"] == "small"
    good(admin("DELETE", f"/datasets/{dataset}/members/{her.id}"))
    found = made_anew(her, settings)
    own = {"organization_id": her.organization, "owner_id": her.id}
    assert row(found, "training_jobs", job["id"]) == {"id": job["id"], **own}
    assert row(found, "experiment_runs", job["id"], "job_id") == {"job_id": job["id"], **own}
    own_of_admin = requested(admin, dataset)
    assert row(exported(admin), "training_jobs", own_of_admin["id"])["dataset_id"] == dataset


def test_an_export_asked_for_elsewhere_is_no_way_around_a_second_factor(
    person: Callable[..., Marked], owner: psycopg.Connection
) -> None:
    admin, elsewhere = person(), person()
    her = elsewhere.let_in(person(elsewhere), "engineer_i").verified()
    there = Visitor(her.client, her.come_into(admin, role="engineer_i")["access_token"])
    dataset = there.post("/datasets", {"name": "collected"})["id"]
    secured(admin)
    good(admin("PATCH", "/organization", {"second_factor_required": True}))
    own = {"organization_id": admin.organization, "owner_id": her.id}
    assert row(exported(her), "datasets", dataset) == {"id": dataset, **own}
