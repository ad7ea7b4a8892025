"""What was made from a private dataset is for its owner, its members and the admins: every way of reading, by role."""

import json
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.api.folders import filled, push, scenes
from tests.api.visitor import PASSWORD, PREFIX, Visitor
from tests.api.worker import Worker, trained

OTHERS = ("manager", "engineer_ii", "engineer_i", "guest")
ROLES = ("admin", "owner", "viewer", *OTHERS)


@dataclass(frozen=True)
class Scene:
    people: dict[str, Visitor]
    dataset: str
    experiment: str
    job: str
    model: str

    def at(self, role: str) -> Visitor:
        self.people[role].seen = self.people["owner"].seen
        return self.people[role]


@pytest.fixture(scope="module")
def scene(ann: Visitor, worker: Worker) -> Scene:
    people = {role: ann.colleague(role) for role in OTHERS}
    people |= {"admin": ann, "owner": ann.colleague("engineer_i"), "viewer": ann.colleague("guest")}
    owner = people["owner"]
    dataset = owner.post("/datasets", {"name": "Secret", "visibility": "private"})["id"]
    push(owner, dataset, scenes())
    owner.post(f"/datasets/{dataset}/members", {"person_id": people["viewer"].id, "role": "viewer"})
    assert len(owner.get(f"/datasets/{dataset}/members")) == 1
    job = trained(owner, worker, dataset)
    return Scene(people, dataset, job["experiment_id"], job["id"], job["model"])


def knows(role: str) -> bool:
    return role not in OTHERS


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "path",
    [
        "/training-jobs/{job}",
        "/training-jobs/{job}/logs",
        "/experiments/{experiment}/runs/{job}/metrics",
        "/models/{model}",
        "/models/{model}/lineage",
        "/audit/entity/training_job/{job}",
    ],
)
def test_each_page_is_there_for_who_may_know(scene: Scene, role: str, path: str) -> None:
    visitor = scene.at(role)
    answer = visitor("GET", path.format(**vars(scene)), Vistory_Min_Position=visitor.seen)
    assert answer.status_code == (200 if knows(role) else 404)


@pytest.mark.parametrize("role", ROLES)
def test_a_list_of_what_was_trained_on_it_is_there_for_who_may_know(scene: Scene, role: str) -> None:
    visitor = scene.at(role)
    answer = visitor("GET", f"/training-jobs?dataset_id={scene.dataset}", Vistory_Min_Position=visitor.seen)
    if knows(role):
        assert [item["id"] for item in answer.json()["items"]] == [scene.job]
    else:
        assert answer.status_code == 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/training-jobs", "id"),
        ("/models", "job_id"),
        ("/experiments/{experiment}/runs", "job_id"),
    ],
)
def test_each_list_holds_it_for_who_may_know(scene: Scene, role: str, path: str, name: str) -> None:
    items = scene.at(role).get(path.format(**vars(scene)))["items"]
    assert [item[name] for item in items] == ([scene.job] if knows(role) else [])


@pytest.mark.parametrize("role", ROLES)
def test_an_experiment_counts_it_for_who_may_know(scene: Scene, role: str) -> None:
    shown = scene.at(role).get(f"/experiments/{scene.experiment}")
    figures = {"num_runs": 1, "num_completed_runs": 1, "best_metrics": {"test/map50": 0.9}}
    none = {"num_runs": 0, "num_completed_runs": 0, "best_metrics": {}}
    assert {name: shown[name] for name in none} == (figures if knows(role) else none)


@pytest.mark.parametrize("role", ["admin", "manager"])
def test_the_organizations_log_tells_of_it_to_admins_only(scene: Scene, role: str) -> None:
    entries = scene.at(role).get("/audit/organization?noisy=true&limit=1000")["items"]
    found = {scene.dataset, scene.job} & {entry["entity_id"] for entry in entries}
    assert found == ({scene.dataset, scene.job} if knows(role) else set())
    assert ("Secret" in json.dumps(entries)) is knows(role)


@pytest.mark.parametrize("role", ROLES)
def test_the_socket_is_open_to_who_may_know(scene: Scene, role: str) -> None:
    visitor = scene.at(role)
    with visitor.client.websocket_connect(f"{PREFIX}/training-jobs/{scene.job}/live") as socket:
        socket.send_json({"token": visitor.token})
        if knows(role):
            assert socket.receive_json()["status"] == "queued"
            return
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/training-jobs/{job}/cancel", {}),
        ("/training-jobs/{job}/run-again", {}),
    ],
)
def test_nobody_else_acts_on_it(scene: Scene, path: str, body: dict[str, object]) -> None:
    for role in ("manager", "engineer_ii"):
        assert scene.at(role)("POST", path.format(**vars(scene)), body).status_code == 404


def test_who_knows_the_hash_of_its_model_does_not_start_from_it(scene: Scene, worker: Worker) -> None:
    sha256 = scene.at("owner").get(f"/models/{scene.model}")["sha256"]
    other = scene.at("engineer_ii")
    project = other.post("/projects", {"name": "By hash"})["id"]
    wish = {"project_id": project, "dataset_id": filled(other), "framework": "timm", "model": "small"}
    wish |= {"weights": {"sha256": sha256}}
    assert other("POST", "/training-jobs", wish).status_code == 404
    assert scene.at("admin")("POST", "/training-jobs", wish).status_code == 202


def test_its_model_is_nobody_elses_start(scene: Scene, worker: Worker) -> None:
    other = scene.at("manager")
    dataset = other.post("/datasets", {"name": "Open"})["id"]
    push(other, dataset, scenes())
    project = other.post("/projects", {"name": "Reading"})["id"]
    wish = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"}
    wish |= {"weights": {"model_id": scene.model}}
    assert other("POST", "/training-jobs", wish).status_code == 404
    ours = scene.at("admin").post("/training-jobs", wish)["id"]
    attempt = worker.claim(ours)
    attempt.start()
    model = attempt.complete()
    other.seen = attempt.seen
    assert other.get(f"/models/{model}/lineage")["parent"] is None
    scene.people["admin"].seen = attempt.seen
    assert scene.people["admin"].get(f"/models/{model}/lineage")["parent"]["id"] == scene.model


@pytest.mark.parametrize("role", ROLES)
def test_mlflow_which_shows_all_is_closed_to_who_may_not_know(scene: Scene, role: str, client: TestClient) -> None:
    answer = client.get("/mlflow/", auth=(scene.at(role).email, PASSWORD))
    assert (answer.status_code == 403) is not knows(role)
