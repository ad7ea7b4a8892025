from fastapi.testclient import TestClient

from infra.config import Settings
from infra.positions import Positions
from infra.wiring import Core

REASON = "NotAnEvent('planted')"


def test_a_part_that_stopped_is_seen_by_everybody_and_its_reason_by_none(
    client: TestClient, settings: Settings
) -> None:
    with Core.open(settings) as core:
        positions = Positions(core.pool)
        positions.note("relay", "EVENTS", 0)
        assert client.get("/ready").status_code == 200
        positions.note("relay", "EVENTS", 0, REASON)
        answer = client.get("/ready")
        positions.note("relay", "EVENTS", 0)
    [relay] = [part for part in answer.json()["parts"] if part["name"] == "relay"]
    assert (answer.status_code, relay["position"], relay["stopped"]) == (503, 0, True)
    assert "planted" not in answer.text
    assert client.get("/ready").status_code == 200
