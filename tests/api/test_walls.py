"""Organizations are walls: another one's thing is not there, whatever is asked of it."""

import re
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.api.folders import filled, send
from tests.api.visitor import PASSWORD, Visitor
from tests.api.walled import nothing_but_noted, reached_out
from tests.api.worker import Worker, trained

Things = dict[str, str]


@pytest.fixture(scope="module")
def things(ann: Visitor, worker: Worker) -> Things:
    dataset = filled(ann)
    upload = send(ann, dataset, {"cat/a.png": b"x"})
    job = trained(ann, worker, dataset)
    return {
        "project": job["project_id"],
        "dataset": dataset,
        "upload": upload.rpartition("/")[2],
        "experiment": job["experiment_id"],
        "job": job["id"],
        "model": job["model"],
        "person": ann.id,
        "membership": next(each["id"] for each in ann.get("/members")["items"]),
        "organization": ann.organization,
        "session": next(each["id"] for each in ann.get("/auth/sessions")),
        "service": ann.service("guest").id,
        "token": ann.post("/tokens", {"name": "T"})["id"],
    }


@pytest.fixture(scope="module")
def cid(founder: Callable[[], Visitor]) -> Visitor:
    """Of a third organization, who has things as well."""
    return founder().verified()


@pytest.fixture(scope="module")
def own(cid: Visitor, worker: Worker) -> Things:
    """What may stand beside what is not one's own."""
    dataset = filled(cid)
    job = trained(cid, worker, dataset)
    return {
        "own_project": job["project_id"],
        "own_dataset": dataset,
        "own_experiment": job["experiment_id"],
        "own_service": cid.service("guest").id,
        "email": cid.email,
        "password": PASSWORD,
    }


TRAINING: Final = {"project_id": "{own_project}", "dataset_id": "{own_dataset}", "framework": "timm", "model": "small"}
# What is named in a body or a query, or behind a thing of one's own.
NAMED: Final[list[tuple[str, str, dict[str, Any]]]] = [
    *(
        each
        for thing in ("/projects/{own_project}", "/datasets/{own_dataset}")
        for person in ("{person}", "{service}")
        for each in (
            ("POST", f"{thing}/members", {"person_id": person}),
            ("PATCH", f"{thing}/members/{person}", {"role": "viewer"}),
            ("DELETE", f"{thing}/members/{person}", {}),
            ("POST", f"{thing}/owner/offer", {"person_id": person}),
        )
    ),
    ("GET", "/experiments?project_id={project}", {}),
    ("GET", "/experiments/{own_experiment}/runs/{job}/metrics", {}),
    ("GET", "/experiments/{own_experiment}/runs/compare?run={job}", {}),
    ("GET", "/training-jobs?project_id={project}", {}),
    ("GET", "/training-jobs?dataset_id={dataset}", {}),
    ("GET", "/training-jobs?experiment_id={experiment}", {}),
    ("GET", "/training-jobs?project_id={own_project}&dataset_id={dataset}", {}),
    ("GET", "/invitations?project_id={project}", {}),
    ("GET", "/invitations?dataset_id={dataset}", {}),
    ("GET", "/datasets/compare?dataset_a={own_dataset}&dataset_b={dataset}", {}),
    ("GET", "/permissions/explain?action=rename_project&target={project}", {}),
    ("GET", "/audit/entity/person/{person}", {}),
    ("GET", "/audit/entity/membership/{membership}", {}),
    ("GET", "/audit/entity/organization/{organization}", {}),
    ("POST", "/training-jobs", {**TRAINING, "dataset_id": "{dataset}"}),
    ("POST", "/training-jobs", {**TRAINING, "experiment_id": "{experiment}"}),
    ("POST", "/training-jobs", {**TRAINING, "weights": {"model_id": "{model}"}}),
    ("POST", "/invitations", {"type": "project", "target_id": "{project}", "email": "a@example.org", "role": "viewer"}),
    ("POST", "/invitations", {"type": "dataset", "target_id": "{dataset}", "email": "a@example.org"}),
    ("DELETE", "/service-accounts/{own_service}/tokens/{token}", {}),
    ("DELETE", "/tokens/{token}", {}),
    ("DELETE", "/auth/sessions/{session}", {}),
    ("POST", "/members/{membership}/approve", {"role": "guest"}),
    ("POST", "/auth/switch", {"organization_id": "{organization}"}),
    ("POST", "/auth/login", {"email": "{email}", "password": "{password}", "organization_id": "{organization}"}),
]


def filled_in(said: Any, things: Things) -> Any:
    if isinstance(said, dict):
        return {name: filled_in(each, things) for name, each in said.items()}
    return said.format_map(things) if isinstance(said, str) else said


@pytest.mark.parametrize(
    "path",
    [
        "/projects/{project}",
        "/datasets/{dataset}",
        "/datasets/{dataset}/report",
        "/datasets/{dataset}/images",
        "/datasets/{dataset}/split",
        "/datasets/{dataset}/snapshots",
        "/datasets/compare?dataset_a={dataset}&dataset_b={dataset}",
        "/experiments/{experiment}",
        "/experiments/{experiment}/runs",
        "/experiments/{experiment}/runs/compare?run={job}",
        "/experiments/{experiment}/runs/{job}/metrics",
        "/training-jobs/{job}",
        "/training-jobs/{job}/logs",
        "/models/{model}",
        "/models/{model}/lineage",
        "/audit/entity/dataset/{dataset}",
        "/audit/project/{project}",
    ],
)
def test_what_another_organization_has_is_not_found(ann: Visitor, bob: Visitor, things: Things, path: str) -> None:
    address, before = path.format(**things), reached_out(bob)
    ann.get(address)
    assert bob("GET", address, Vistory_Min_Position=ann.seen).status_code == 404
    assert reached_out(bob) == before + 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/projects/{project}", {"name": "Mine now"}),
        ("POST", "/experiments", {"project_id": "{project}", "name": "Mine"}),
        ("POST", "/datasets/{dataset}/uploads", {}),
        ("POST", "/datasets/{dataset}/uploads/{upload}/files", {"files": []}),
        ("POST", "/datasets/{dataset}/uploads/{upload}/commit", {}),
        ("DELETE", "/datasets/{dataset}/uploads/{upload}", {}),
        ("POST", "/datasets/{dataset}/split", {}),
        ("POST", "/datasets/{dataset}/snapshot", {"tag": "mine"}),
        ("POST", "/training-jobs/{job}/cancel", {}),
        ("POST", "/training-jobs/{job}/run-again", {}),
        ("PATCH", "/admin/users/{person}/role", {"role": "guest"}),
        (
            "POST",
            "/training-jobs",
            {"project_id": "{project}", "dataset_id": "{dataset}", "framework": "timm", "model": "small"},
        ),
    ],
)
def test_what_another_organization_has_cannot_be_changed(
    bob: Visitor, things: Things, method: str, path: str, body: dict[str, Any]
) -> None:
    before = reached_out(bob)
    assert bob(method, path.format(**things), filled_in(body, things)).status_code == 404
    assert reached_out(bob) == before + 1


@pytest.mark.parametrize(("method", "path", "body"), NAMED)
def test_what_another_organization_has_is_answered_as_what_nobody_has_and_noted(
    ann: Visitor, cid: Visitor, things: Things, own: Things, method: str, path: str, body: dict[str, Any]
) -> None:
    theirs, nobodys = things | own, {name: str(uuid4()) for name in things} | own

    def answered(named: Things) -> tuple[int, str, str]:
        answer = cid(method, path.format_map(named), filled_in(body, named) or None, Vistory_Min_Position=ann.seen)
        told = answer.json()
        return answer.status_code, told["type"], re.sub(r"[0-9a-f-]{36}", "(id)", told["detail"])

    with nothing_but_noted(cid, times=1):
        found = answered(theirs)
    with nothing_but_noted(cid, times=0):
        assert answered(nobodys) == found
    assert found[0] == 404


def test_an_upload_belongs_to_its_dataset(ann: Visitor, things: Things) -> None:
    other = ann.post("/datasets", {"name": "Other"})["id"]
    assert ann("POST", f"/datasets/{other}/uploads/{things['upload']}/commit", {}).status_code == 404


def test_lists_hold_what_is_ones_own(bob: Visitor, things: Things) -> None:
    for path in ("/projects", "/datasets", "/experiments", "/training-jobs", "/models"):
        assert bob.get(path)["items"] == []
    assert {row["person_id"] for row in bob.get("/members")["items"]} == {bob.id}
    assert {row["actor_id"] for row in bob.get("/audit/organization")["items"]} == {bob.id}
