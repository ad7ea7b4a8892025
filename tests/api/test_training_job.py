from typing import Any

import httpx2
import pytest

from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Attempt, Worker, evidence, requested, trained


@pytest.fixture(scope="module")
def dataset(ann: Visitor, worker: Worker) -> str:
    return filled(ann)


def test_what_can_be_trained_is_what_trainers_reported(ann: Visitor, worker: Worker) -> None:
    [framework] = ann.get("/training/models")
    assert framework["framework"] == "timm"
    assert [model["name"] for model in framework["models"]] == ["small", "other"]


def test_a_request_pins_a_snapshot_and_makes_an_experiment(ann: Visitor, dataset: str) -> None:
    job = requested(ann, dataset, parameters={"epochs": 2})
    assert job["status"] == "queued"
    assert job["recipe"]["parameters"] == {"epochs": 2, "rate": 0.1}
    assert job["snapshot"]["images"] == 8
    assert ann.get(f"/experiments/{job['experiment_id']}")["num_runs"] == 1
    assert ann.get(f"/training-jobs/{job['id']}")["snapshot"] == job["snapshot"]
    assert [each["id"] for each in ann.get(f"/training-jobs?experiment_id={job['experiment_id']}")["items"]] == [
        job["id"]
    ]


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"model": "huge"}, "small, other"),
        ({"model": "other"}, "classification"),
        ({"parameters": {"epochs": 0}}, "must be between 1 and 100, not 0"),
        ({"parameters": {"epochs": 10**9}}, "epochs"),
        ({"parameters": {"epochs": "ten"}}, "must be a whole number, not"),
        ({"parameters": {"speed": 1}}, "it has epochs, rate"),
    ],
)
def test_a_senseless_wish_is_refused_and_what_is_allowed_named(
    ann: Visitor, dataset: str, wish: dict[str, object], named: str
) -> None:
    project = ann.post("/projects", {"name": "Reading"})["id"]
    whole = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"} | wish
    answer = ann("POST", "/training-jobs", whole)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def test_a_training_begins_from_an_earlier_model_of_ones_own(
    ann: Visitor, bob: Visitor, dataset: str, worker: Worker
) -> None:
    first = worker.claim(requested(ann, dataset)["id"])
    first.start()
    model = first.complete()
    ann.seen = first.seen
    ann.get(f"/models/{model}")
    job = requested(ann, dataset, weights={"model_id": model})
    assert job["recipe"]["weights"]["model_id"] == model
    weights = worker.claim(job["id"]).job["weights"]
    assert httpx2.get(weights["url"], trust_env=False).content == b"the model"
    theirs = filled(bob)
    project = bob.post("/projects", {"name": "P"})["id"]
    wish = {"project_id": project, "dataset_id": theirs, "framework": "timm", "model": "small"}
    for weights in ({"model_id": model}, {"sha256": job["recipe"]["weights"]["sha256"]}):
        assert bob("POST", "/training-jobs", wish | {"weights": weights}).status_code == 404


def test_a_framework_that_nobody_reported_is_refused(ann: Visitor, dataset: str) -> None:
    project = ann.post("/projects", {"name": "Reading"})["id"]
    wish = {"project_id": project, "dataset_id": dataset, "framework": "jax", "model": "small"}
    answer = ann("POST", "/training-jobs", wish)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:no-trainer")


def test_an_attempt_from_claim_to_model(ann: Visitor, dataset: str, worker: Worker) -> None:
    job = requested(ann, dataset)
    attempt = worker.claim(job["id"])
    assert attempt.job["classes"] == ["zero", "one"]
    assert (attempt.job["resume"], attempt.job["weights"]) == ([], None)
    entries = attempt.get(f"{attempt.path}/entries?limit=5")
    rest = attempt.get(f"{attempt.path}/entries?after={entries['next']}")
    assert len(entries["items"] + rest["items"]) == 8
    assert httpx2.get(entries["items"][0]["url"], trust_env=False).content.startswith(b"\x89PNG")
    assert attempt.start() == {"id": job["id"], "cancelling": False}
    attempt.epoch(1)
    attempt.epoch(2, "NaN")
    attempt.checkpoint(2)
    assert attempt.get(attempt.path) == {"current": True, "cancelling": False, "archived": 0}
    model = attempt.complete()
    assert attempt.get(attempt.path)["current"] is False
    _is_shown(ann, job, model, attempt)


def _is_shown(ann: Visitor, job: dict[str, str], model: str, attempt: Attempt) -> None:
    seen = attempt.seen
    assert ann.get(f"/training-jobs/{job['id']}", Vistory_Min_Position=seen)["status"] == "completed"
    metrics = ann.get(f"/experiments/{job['experiment_id']}/runs/{job['id']}/metrics")
    assert [epoch["metrics"]["val/loss"] for epoch in metrics["epochs"]] == [0.5, "NaN"]
    shown = ann.get(f"/models/{model}")
    for one in (shown, next(each for each in ann.get("/models")["items"] if each["id"] == model)):
        assert (one["framework"], one["architecture"]) == ("timm", "small")
        assert _named(ann, one) == (one["dataset"], one["project"])
    for one in (ann.get(f"/training-jobs/{job['id']}"), ann.get("/training-jobs")["items"][0]):
        assert _named(ann, one) == (one["dataset"], one["project"])
    assert httpx2.get(shown["url"], trust_env=False).content == b"the model"
    lineage = ann.get(f"/models/{model}/lineage")
    assert lineage["job"]["id"] == job["id"]
    told = [entry["sentence"] for entry in ann.get(f"/audit/entity/training_job/{job['id']}")["items"]]
    assert told
    assert all(f"small (timm) {job['id']}" in sentence for sentence in told)
    assert lineage["owner"]["person_id"] == ann.id


def _named(ann: Visitor, one: dict[str, Any]) -> tuple[str, str]:
    dataset, project = (ann.get(f"/{noun}s/{one[f'{noun}_id']}")["name"] for noun in ("dataset", "project"))
    return dataset, project


def test_a_lineage_tells_no_more_of_people_than_their_own_pages(ann: Visitor, worker: Worker, dataset: str) -> None:
    path = f"/models/{trained(ann, worker, dataset)['model']}/lineage"
    mine = ann.get(path)
    assert mine["owner"]["email"] == ann.email
    colleague, guest = (
        ann.colleague(role).get(path, Vistory_Min_Position=ann.seen) for role in ("engineer_i", "guest")
    )
    assert colleague["owner"]["full_name"] == "Ann Ö"
    known = {"kind": "person", "person_id": ann.id, "avatar_name": mine["owner"]["avatar_name"]}
    assert guest["owner"] == known | {"full_name": None, "email": None}


def test_an_attempt_is_claimed_once(ann: Visitor, dataset: str, worker: Worker) -> None:
    job = requested(ann, dataset)
    worker.claim(job["id"])
    body = {"attempt": 1, "worker_id": ann.id, "worker": "another machine"}
    assert worker("POST", f"/training-jobs/{job['id']}/attempts", body).status_code == 409
    assert worker.claim(job["id"]).token


def test_a_claim_that_is_repeated_when_its_job_is_over_begins_nothing(
    ann: Visitor, dataset: str, worker: Worker
) -> None:
    """The same message was delivered once more: its key is known, and the answer of then would be wrong now."""
    job = requested(ann, dataset)["id"]
    path, body = f"/training-jobs/{job}/attempts", {"attempt": 1, "worker_id": worker.worker_id, "worker": "a machine"}
    attempt = Attempt(worker.client, worker.post(path, body, "the claim"), job, 1)
    assert worker("POST", path, body, "the claim").status_code == 201
    attempt.start()
    attempt.complete()
    assert worker("POST", path, body, "the claim").status_code == 409


def test_a_token_is_good_for_its_job_and_attempt_alone(ann: Visitor, dataset: str, worker: Worker) -> None:
    mine, other = (worker.claim(requested(ann, dataset)["id"]) for _ in range(2))
    for what, body in (("start", None), ("objects", {"sha256": "0" * 64, "size": 1}), ("fail", evidence())):
        body = body or {"device": "cpu", "environment": {}, "parameters": {}}
        assert mine("POST", f"{other.path}/{what}", body).status_code == 403
    assert mine("GET", f"{other.path}/entries").status_code == 403
    assert mine("GET", "/projects").status_code == 401


def test_a_stale_attempt_is_refused(ann: Visitor, dataset: str, worker: Worker) -> None:
    job = requested(ann, dataset)["id"]
    first = worker.claim(job)
    first.start()
    first.checkpoint(1, b"after one epoch")
    first.report("hand-over", evidence("handed_over", "the service stops"))
    for what in ("entries",):
        assert first("GET", f"{first.path}/{what}").status_code == 409
    assert (
        first("POST", f"{first.path}/epochs", {"epoch": 2, "epochs": 3, "metrics": {}, "seconds": 1}).status_code == 409
    )
    assert first.get(first.path)["current"] is False
    second = worker.claim(job, 2)
    assert [each["epoch"] for each in second.job["resume"]] == [1]
    assert httpx2.get(second.job["resume"][0]["url"], trust_env=False).content == b"after one epoch"


def test_a_worker_hears_of_a_cancel_in_the_answer_to_a_report(ann: Visitor, dataset: str, worker: Worker) -> None:
    job = requested(ann, dataset)["id"]
    attempt = worker.claim(job)
    attempt.start()
    ann.post(f"/training-jobs/{job}/cancel")
    assert attempt.epoch(1)["cancelling"] is True
    assert attempt.get(attempt.path)["cancelling"] is True
    attempt.report("fail", evidence("user", "cancelled"))
    assert ann.get(f"/training-jobs/{job}", Vistory_Min_Position=attempt.seen)["status"] == "cancelled"


def test_what_was_never_uploaded_is_not_referenced(ann: Visitor, dataset: str, worker: Worker) -> None:
    attempt = worker.claim(requested(ann, dataset)["id"])
    attempt.start()
    ghost = {"epoch": 1, "sha256": "0" * 64, "size": 7}
    assert attempt("POST", f"{attempt.path}/checkpoints", {"checkpoint": ghost}).status_code == 422


def test_a_training_is_run_again_with_the_same_recipe_and_snapshot(ann: Visitor, dataset: str) -> None:
    job = requested(ann, dataset)
    again = ann.post(f"/training-jobs/{job['id']}/run-again")
    assert again["id"] != job["id"]
    assert (again["recipe"], again["snapshot"]) == (job["recipe"], job["snapshot"])


def test_a_credential_is_for_its_framework(ann: Visitor, worker: Worker) -> None:
    assert worker("POST", "/workers/models", {"framework": "ultralytics", "models": []}).status_code == 403
    assert ann("POST", "/workers/models", {"framework": "timm", "models": []}).status_code == 401
