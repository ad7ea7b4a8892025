"""The API as a process: it says when it is ready, goes when it is told to, and its log keeps no secret."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.visitor import PASSWORD, PREFIX
from tests.servers import Servers
from tests.serving import Serving, serving


@pytest.fixture
def running(servers: Servers, tmp_path: Path) -> Iterator[Serving]:
    with serving(servers, tmp_path) as running:
        yield running


def test_it_serves_says_so_keeps_no_secret_in_its_log_and_stops(running: Serving) -> None:
    running.log_once('"message": "ready"')
    who = {"email": "ann@planted.example", "password": PASSWORD}
    with httpx2.Client(base_url=running.url + PREFIX, trust_env=False) as client:
        assert client.get(f"{running.url}/health").json() == {"status": "ok"}
        person = who | {"full_name": "Planted Name", "company": "Planted", "division": "D"}
        assert client.post("/auth/register", json=person).status_code == 201
        token = client.post("/auth/login", json=who).json()["access_token"]
        assert client.get("/auth/me?token=planted-query", headers={"Authorization": f"Bearer {token}"}).is_success
        assert client.post("/auth/login", json=who | {"password": "planted-wrong"}).status_code == 401
    text = running.log_once("/auth/me")
    for secret in (PASSWORD, token, "planted-query", "planted-wrong", "ann@planted.example", "Planted Name"):
        assert secret not in text
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert time.monotonic() - began < 5
