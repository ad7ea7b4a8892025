"""Our API as a process of its own, on an empty ledger, with somebody who may do everything."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from uuid_utils.compat import uuid7

from cli.client import Api
from infra.config import SETTINGS_FILE
from infra.embedded.passwords import write_private
from infra.embedded.ports import Ports
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.servers import Databases, Servers

ROOT = Path(__file__).parent.parent
PASSWORD = "correct horse battery"


class Served(NamedTuple):
    port: int
    admin: Api
    databases: Databases

    @property
    def token(self) -> str:
        assert self.admin.token
        return self.admin.token


@contextmanager
def serving(servers: Servers) -> Iterator[Served]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    with tempfile.TemporaryDirectory(prefix="vistory-bench-") as name:
        folder = Path(name)
        port = Ports(folder / "ports.json")["api"]
        settings = servers.settings("api", databases).model_copy(update={"api_port": port, "requests_per_second": 0})
        told = {k: v.get_secret_value() if hasattr(v, "get_secret_value") else v for k, v in dict(settings).items()}
        file = write_private(folder / "api.json", json.dumps(told, default=str).encode())
        words = [sys.executable, "-c", "from cli import main; main()", "run", "api"]
        with (
            process(words, {SETTINGS_FILE: str(file)}, f"http://127.0.0.1:{port}/health"),
            Api(f"http://127.0.0.1:{port}") as admin,
        ):
            register(admin)
            yield Served(port, admin, databases)
    servers.drop(databases)


@contextmanager
def process(words: Sequence[str], environment: Mapping[str, str], health: str) -> Iterator[None]:
    """A server that is asked only once it answers."""
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while not answers(health):
                if running.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{health} does not answer: {log.read().decode()}")
                time.sleep(0.05)
            yield
        finally:
            running.terminate()
            running.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def register(api: Api) -> None:
    """The first of an organization is its admin."""
    who = {"email": "bench@example.org", "password": PASSWORD}
    api.post("/auth/register", **who, full_name="Bench", company="Bench", division="Vision")
    api.token = api.post("/auth/login", **who)["access_token"]
