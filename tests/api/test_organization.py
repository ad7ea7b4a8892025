"""The organization over HTTP: what it is called, who may join, and that its quotas hold where they are used up."""

from collections.abc import Callable

import pytest
from httpx2 import Response

from domain.values import LARGEST_INTEGER
from infra.objects import LARGEST_OBJECT
from tests.api.folders import filled, listed, scenes, send
from tests.api.visitor import Visitor
from tests.api.worker import Worker, requested


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def test_an_admin_changes_it_and_everybody_in_it_sees_that(admin: Visitor, bob: Visitor) -> None:
    guest = admin.colleague("guest")
    before = admin.get("/organization")
    assert (before["admission"], before["max_users"], before["use"]["users"]) == ("approval", 50, 2)
    assert admin("PATCH", "/organization", {"name": "Renamed", "max_users": 7}).status_code == 200
    seen = guest.get("/organization", Vistory_Min_Position=admin.seen)
    assert (seen["name"], seen["max_users"], seen["max_storage_gb"]) == ("Renamed", 7, before["max_storage_gb"])
    assert (seen["company"], seen["id"]) == (before["company"], before["id"])
    assert bob.get("/organization", Vistory_Min_Position=admin.seen)["name"] != "Renamed"
    said = [entry["sentence"] for entry in admin.get("/audit/organization?entity_type=organization")["items"]]
    assert any("renamed the organization" in each and each.endswith("to Renamed") for each in said)
    assert any(each.endswith(": users from 50 to 7") for each in said)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "x"},
        {"organization_id": "x"},
        {"company": "Other"},
        {"max_users": "many"},
        {"max_users": -1},
        {"name": ""},
    ],
)
def test_what_nobody_may_change_is_refused_by_name(admin: Visitor, body: dict[str, object]) -> None:
    answer = admin("PATCH", "/organization", body)
    assert answer.status_code == 422
    assert next(iter(body)) in answer.text


def test_who_waits_sees_nothing_of_it(admin: Visitor) -> None:
    waiting = Visitor(admin.client).register(admin.company)
    assert waiting("GET", "/organization").status_code == 403
    assert waiting("PATCH", "/organization", {"name": "Mine"}).status_code == 403


def test_a_full_organization_takes_nobody_and_says_which_quota_it_is(admin: Visitor) -> None:
    admin("PATCH", "/organization", {"max_users": 1})
    admin.seen = Visitor(admin.client).register(admin.company).seen
    (waits,) = admin.get("/members?waiting=true")["items"]
    answer = admin("POST", f"/members/{waits['id']}/approve", {"role": "guest"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:vistory:problem:organization-is-full"
    assert answer.json()["detail"] == (
        f"{admin.company} / Vision has 1 of 1 users (quota max_users); an admin of the organization can raise it"
    )
    admin("PATCH", "/organization", {"max_users": 2})
    assert admin("POST", f"/members/{waits['id']}/approve", {"role": "guest"}).status_code == 200


def test_what_is_stored_counts_and_no_address_is_given_for_more(admin: Visitor) -> None:
    filled(admin)
    stored = sum({file["sha256"]: file["size"] for file in listed(scenes())}.values())
    assert admin.get("/organization")["use"]["storage_gb"] * 10**9 >= stored
    admin("PATCH", "/organization", {"max_storage_gb": 0})
    dataset = admin.post("/datasets", {"name": "more"})["id"]
    upload = f"/datasets/{dataset}/uploads/{admin.post(f'/datasets/{dataset}/uploads')['id']}"
    file = {"path": "new.png", "size": 1, "sha256": "f" * 64}
    answer = admin("POST", f"{upload}/files", {"files": [file]})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:vistory:problem:storage-is-full"
    assert answer.json()["detail"] == (
        f"{admin.company} / Vision stores 0.000 of 0 GB (quota max_storage_gb), and this takes 0.001 GB more; "
        "an admin of the organization can raise the quota"
    )
    assert admin.post(f"{upload}/files", {"files": listed(scenes())})["missing"] == []
    admin("PATCH", "/organization", {"max_storage_gb": 1})
    assert len(admin.post(f"{upload}/files", {"files": [file]})["missing"]) == 1


def test_what_one_upload_has_named_is_not_promised_to_another_and_can_be_committed(admin: Visitor) -> None:
    dataset = filled(admin)
    admin("PATCH", "/organization", {"max_storage_gb": 1})

    def named(content: str, size: int) -> Response:
        upload = admin.post(f"/datasets/{dataset}/uploads")["id"]
        file = {"path": f"{content}.png", "size": size, "sha256": content * 64}
        return admin("POST", f"/datasets/{dataset}/uploads/{upload}/files", {"files": [file]})

    assert named("e", 900_000_000).status_code == 200
    refused = named("f", 200_000_000)
    assert refused.status_code == 409
    assert "waits for 0.900 GB that uploads have named, and this takes 0.200 GB more" in refused.json()["detail"]
    assert named("e", 900_000_000).status_code == 200
    upload = send(admin, dataset, scenes(train=5))
    admin("PATCH", "/organization", {"max_storage_gb": 0})
    assert admin.post(f"{upload}/commit")["revision"] == 2


@pytest.mark.parametrize("size", [LARGEST_OBJECT + 1, LARGEST_INTEGER])
def test_a_file_that_no_address_takes_is_refused_by_its_name_with_all_named_beside_it(
    admin: Visitor, size: int
) -> None:
    admin("PATCH", "/organization", {"max_storage_gb": LARGEST_INTEGER})
    dataset = admin.post("/datasets", {"name": "huge"})["id"]
    upload = f"/datasets/{dataset}/uploads/{admin.post(f'/datasets/{dataset}/uploads')['id']}/files"
    files = [{"path": "a.png", "size": LARGEST_OBJECT, "sha256": "a" * 64}]
    answer = admin("POST", upload, {"files": [*files, {"path": "b.png", "size": size, "sha256": "b" * 64}]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"'b.png' has {size:,} bytes; one file has 5,368,709,120 at most"
    assert len(admin.post(upload, {"files": files})["missing"]) == 1


def test_a_training_that_may_use_a_gpu_needs_hours_and_one_on_the_processor_none(
    admin: Visitor, worker: Worker
) -> None:
    dataset = filled(admin)
    first = requested(admin, dataset)
    admin("PATCH", "/organization", {"max_gpu_hours_per_month": 0})
    assert admin.get("/organization")["use"]["gpu_hours_this_month"] == 0
    again = admin("POST", f"/training-jobs/{first['id']}/run-again", {})
    assert again.status_code == 409
    assert again.json()["type"] == "urn:vistory:problem:gpu-hours-are-used-up"
    assert again.json()["detail"] == (
        f"{admin.company} / Vision has used 0.0 of 0 GPU hours in this month (quota max_gpu_hours_per_month); "
        "an admin of the organization can raise it, and the device cpu needs none"
    )
    wish = {"project_id": first["project_id"], "dataset_id": dataset, "framework": "timm", "model": "small"}
    assert admin("POST", "/training-jobs", wish).status_code == 409
    assert admin("POST", "/training-jobs", wish | {"device": "cpu"}).status_code == 202
    worker.report_models(gpus=0)
    assert admin("POST", "/training-jobs", wish).status_code == 202
    assert admin("POST", "/training-jobs", wish | {"device": "cuda"}).status_code == 409
    worker.report_models()


def test_a_training_that_was_let_in_waits_for_hours_as_it_begins_and_says_so(admin: Visitor, worker: Worker) -> None:
    job = requested(admin, filled(admin))["id"]
    admin("PATCH", "/organization", {"max_gpu_hours_per_month": 0})
    body = {"attempt": 1, "worker_id": worker.worker_id, "worker": "a machine", "gpus": 1}
    answer = worker("POST", f"/training-jobs/{job}/attempts", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:gpu-hours-are-used-up")
    shown = admin.get(f"/training-jobs/{job}", Vistory_Min_Position=admin.seen)
    assert shown["waits_for"] == answer.json()["detail"]
    admin("PATCH", "/organization", {"max_gpu_hours_per_month": 1})
    assert admin.get(f"/training-jobs/{job}")["waits_for"] is None
    assert worker.claim(job).token
