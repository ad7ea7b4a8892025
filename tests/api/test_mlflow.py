"""The way to MLflow's pages: who is let through, and what is passed on. What stands behind is any HTTP server."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from infra.config import Settings
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.api.visitor import PASSWORD, Visitor
from tests.servers import Servers


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; of one page when it is told to."""

    asked, told = Event(), Event()

    def do_GET(self) -> None:
        if self.path == "/held":
            self.asked.set()
            self.told.wait(10)
        length = int(self.headers.get("content-length") or 0)
        told = {"path": self.path, "method": self.command, "headers": dict(self.headers), "length": length}
        body = json.dumps(told).encode()
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere?x=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def settings(servers: Servers) -> Iterator[Settings]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield servers.settings("api", databases).model_copy(update={"mlflow_url": url})
        server.shutdown()
        thread.join()
    servers.drop(databases)


def test_pages_are_passed_on_without_what_is_ours(client: TestClient, ann: Visitor) -> None:
    answer = client.get("/mlflow/static/a.js?v=1", auth=(ann.email, PASSWORD), headers={"Cookie": "a=b"})
    told = answer.json()
    assert told["path"] == "/static/a.js?v=1"
    names = {name.lower() for name in told["headers"]}
    assert not names & {"authorization", "cookie"}
    assert told["headers"]["Host"].startswith("127.0.0.1:")


def test_a_token_opens_too(client: TestClient, ann: Visitor) -> None:
    assert client.get("/mlflow/", headers={"Authorization": f"Bearer {ann.token}"}).json()["path"] == "/"


def test_whoever_is_not_signed_in_is_asked_to(client: TestClient) -> None:
    for auth in (None, ("nobody@example.org", "wrong")):
        answer = client.get("/mlflow/", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_searching_may_be_posted_and_nothing_else(client: TestClient, ann: Visitor) -> None:
    headers = {"Authorization": f"Bearer {ann.token}"}
    search = client.post("/mlflow/ajax-api/2.0/mlflow/runs/search", json={"a": 1}, headers=headers)
    assert search.json()["length"] > 0
    assert client.post("/mlflow/ajax-api/2.0/mlflow/runs/delete", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "api/2.0/mlflow/experiments/create%3F/search",
        "ajax-api/2.0/mlflow/experiments/create%23/search",
        "x/search/..%2f..%2fapi/2.0/mlflow/experiments/create%3F/search",
        "api/2.0/mlflow-artifacts/artifacts/0/search",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_no_writing_passes_for_a_search(client: TestClient, ann: Visitor, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {ann.token}"}
    assert client.request(method, f"/mlflow/{path}", headers=headers, json={}).status_code in (403, 404)


@pytest.mark.parametrize(("asked", "passed"), [("a%3Fb", "/a%3Fb"), ("a%23b", "/a%23b"), ("%00", "/%00")])
def test_what_a_path_holds_stays_in_the_path(client: TestClient, ann: Visitor, asked: str, passed: str) -> None:
    headers = {"Authorization": f"Bearer {ann.token}"}
    assert client.get(f"/mlflow/{asked}", headers=headers).json()["path"] == passed


def test_where_it_points_stays_behind_the_same_door(client: TestClient, ann: Visitor) -> None:
    answer = client.get("/mlflow/moved", headers={"Authorization": f"Bearer {ann.token}"}, follow_redirects=False)
    assert answer.headers["location"] == "/mlflow/elsewhere?x=1"


def test_with_experiments_of_another_organization_it_is_closed_also_before_the_read_models_know(
    client: TestClient, ann: Visitor, founder: Callable[[], Visitor], holding: Event
) -> None:
    stranger, page = founder(), "/mlflow/"
    headers = [{"Authorization": f"Bearer {each.token}"} for each in (ann, stranger)]
    begin_experiment(ann, ann.post("/projects", {"name": "A"})["id"])
    assert [client.get(page, headers=each).status_code for each in headers] == [200, 403]
    project = stranger.post("/projects", {"name": "S"})["id"]
    with ThreadPoolExecutor(1) as other:
        held = other.submit(client.get, "/mlflow/held", headers=headers[0])
        assert Echo.asked.wait(10)
        begin_experiment(stranger, project)
        Echo.told.set()
        assert held.result().status_code == 403, "what was asked before is not answered after"
    holding.set()
    begin_experiment(stranger, project)
    assert [client.get(page, headers=each).status_code for each in headers] == [503, 503]
    holding.clear()
    stranger.get("/projects")
    assert [client.get(page, headers=each).status_code for each in headers] == [403, 403]


def begin_experiment(visitor: Visitor, project_id: str) -> None:
    visitor.post("/experiments", {"project_id": project_id, "name": "E"})
