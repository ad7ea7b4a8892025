"""Our API as a process of its own, on an empty ledger, with somebody who may do everything."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx

from cli.client import Api
from commands.email import VouchForAddress
from infra.config import OperatorLimits, Settings
from infra.host import Host
from tests.servers import Databases, Servers
from tests.serving import serving as process_of_the_api

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
    with (
        tempfile.TemporaryDirectory(prefix="vistory-bench-") as folder,
        process_of_the_api(servers, Path(folder), limits=OperatorLimits(requests_per_second=0)) as running,
        Api(running.url) as admin,
    ):
        running.log_once('"message": "ready"')
        register(admin, running.settings)
        yield Served(running.settings.api_port, admin, running.databases)


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


def register(api: Api, settings: Settings) -> None:
    """The first of an organization is its admin."""
    who = {"email": "bench@example.org", "password": PASSWORD}
    made = api.post("/auth/register", **who, full_name="Bench", company="Bench", division="Vision")
    vouch_for(made["id"], settings)
    api.token = api.post("/auth/login", **who)["access_token"]


def vouch_for(person_id: str, settings: Settings) -> None:
    """Who has not verified the address reads, and does no more."""
    with Host.open(settings) as host:
        host.give(VouchForAddress(person_id=UUID(person_id)))
