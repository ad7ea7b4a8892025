"""Organizations are walls: another one's thing is not there, whatever is asked of it."""

from typing import Any

import pytest

from tests.api.folders import filled, send
from tests.api.visitor import Visitor
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
    }


def reached_out(admin: Visitor) -> int:
    """How often somebody of this admin's organization asked for a thing of another one."""
    return sum(each["count"] for each in admin.get("/admin/security")["items"] if each["kind"] == "reached_out")


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
    filled_in, before = {k: v.format(**things) if isinstance(v, str) else v for k, v in body.items()}, reached_out(bob)
    assert bob(method, path.format(**things), filled_in).status_code == 404
    assert reached_out(bob) == before + 1


def test_an_upload_belongs_to_its_dataset(ann: Visitor, things: Things) -> None:
    other = ann.post("/datasets", {"name": "Other"})["id"]
    assert ann("POST", f"/datasets/{other}/uploads/{things['upload']}/commit", {}).status_code == 404


def test_lists_hold_what_is_ones_own(bob: Visitor, things: Things) -> None:
    for path in ("/projects", "/datasets", "/experiments", "/training-jobs", "/models"):
        assert bob.get(path)["items"] == []
    assert {row["person_id"] for row in bob.get("/members")["items"]} == {bob.id}
    assert {row["actor_id"] for row in bob.get("/audit/organization")["items"]} == {bob.id}
