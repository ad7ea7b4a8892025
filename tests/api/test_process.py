"""The API as a process: it says when it is ready, goes when it is told to, and its log keeps no secret."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from uuid_utils.compat import uuid7

from infra.config import SETTINGS_FILE
from infra.embedded.passwords import write_private
from infra.embedded.ports import Ports
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.api.visitor import PASSWORD, PREFIX
from tests.servers import Servers

RUN = "from api import main; from infra.config import Settings; main(Settings())"


@dataclass
class Running:
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def log_once(self, words: str) -> str:
        until = time.monotonic() + 60
        while words not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        return self.log.read_text()


@pytest.fixture
def running(servers: Servers, tmp_path: Path) -> Iterator[Running]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    port = Ports(tmp_path / "ports.json")["api"]
    settings = servers.settings("api", databases).model_copy(update={"api_port": port})
    told = {k: v.get_secret_value() if hasattr(v, "get_secret_value") else v for k, v in dict(settings).items()}
    file = write_private(tmp_path / "api.json", json.dumps(told, default=str).encode())
    log = tmp_path / "api.log"
    with log.open("wb") as out:
        environment = os.environ | {SETTINGS_FILE: str(file)}
        process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=out, stderr=out)
    yield Running(process, f"http://127.0.0.1:{port}", log)
    process.kill()
    process.wait()
    servers.drop(databases)


def test_it_serves_says_so_keeps_no_secret_in_its_log_and_stops(running: Running) -> None:
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
