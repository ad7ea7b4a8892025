from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from api import create_app
from domain.model import Recorded
from domain.project import Project
from infra.config import Settings
from infra.embedded.nats import Nats
from infra.migrate import migrate, migrate_keys
from infra.positions import Positions
from infra.provision import APP, KEYS
from infra.reading import consumer
from infra.wiring import Core
from tests.api.projecting import projecting
from tests.api.visitor import Visitor
from tests.infra.projecting import poisoned
from tests.servers import Databases, Servers

REASON = "NotAnEvent('planted')"


def test_a_part_that_stopped_is_seen_by_everybody_and_its_reason_or_any_figure_by_none(
    client: TestClient, settings: Settings
) -> None:
    with Core.open(settings) as core:
        positions = Positions(core.pool)
        positions.note("relay", "EVENTS", 0)
        before = client.get("/ready")
        positions.note("relay", "EVENTS", 0, REASON)
        answer = client.get("/ready")
        positions.note("relay", "EVENTS", 0)
    for each in (before, client.get("/ready")):
        assert (each.status_code, each.json()) == (200, {"status": "ready", "stopped": []})
    assert (answer.status_code, answer.json()) == (503, {"status": "stopped", "stopped": ["relay"]})


def is_poison(recorded: Recorded) -> bool:
    return isinstance(recorded.event, Project.Renamed) and recorded.event.name == "poison"


@contextmanager
def poisoning(servers: Servers, nats: Nats, databases: Databases) -> Iterator[Visitor]:
    """Where the list of projects cannot take one event."""
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    settings = servers.settings("api", databases, nats)
    with projecting(settings, poisoned("project", is_poison)), TestClient(create_app(settings)) as client:
        yield Visitor(client).register()


def test_a_read_model_that_an_event_stops_is_read_as_it_was_and_the_others_go_on(
    servers: Servers, nats: Nats, fresh_database: Callable[[], Databases]
) -> None:
    with poisoning(servers, nats, fresh_database()) as ann:
        project = ann.post("/projects", {"name": "before"})["id"]
        assert names(ann.get("/projects")) == ["before"]
        assert ann.client.get("/ready").status_code == 200
        ann("PATCH", f"/projects/{project}", {"name": "poison"})
        refused = ann("GET", "/projects", Vistory_Min_Position=ann.seen)
        ann.post("/projects", {"name": "after"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert names(ann("GET", "/projects").json()) == ["before"]
        assert ann("GET", f"/projects/{project}").json()["name"] == "before"
        ann.post("/datasets", {"name": "Digits"})
        assert names(ann.get("/datasets")) == ["Digits"]
        answer = ann.client.get("/ready")
        assert (answer.status_code, answer.json()["stopped"]) == (503, [consumer("project")])


def names(page: Any) -> list[str]:
    return [each["name"] for each in page["items"]]
