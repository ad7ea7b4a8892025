"""The API as a process of its own, on fresh databases."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from uuid_utils.compat import uuid7

from infra.config import SETTINGS_FILE, Settings
from infra.embedded.passwords import write_private
from infra.embedded.ports import Ports
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.servers import Databases, Servers

RUN = "from api import main; from infra.config import Settings; main(Settings())"


@dataclass
class Serving:
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path
    settings: Settings
    databases: Databases

    def log_once(self, words: str) -> str:
        until = time.monotonic() + 60
        while words not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        return self.log.read_text()


def limited(settings: Settings, **limits: float) -> Settings:
    """The same with these limits in place of those that it has."""
    return settings.model_copy(update={"limits": settings.limits.model_copy(update=limits)})


def told(settings: Settings, folder: Path) -> Path:
    """A file that tells a process of its own the same settings."""
    known = {k: v.get_secret_value() if hasattr(v, "get_secret_value") else v for k, v in dict(settings).items()}
    return write_private(folder / "api.json", json.dumps(known, default=plain).encode())


def plain(value: object) -> object:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else str(value)


@contextmanager
def serving(servers: Servers, folder: Path, **changes: Any) -> Iterator[Serving]:
    """`changes` are settings of another value than usual."""
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    ports = Ports(folder / "ports.json")
    port = ports["api"]
    settings = servers.settings("api", databases).model_copy(update={"api_port": port, **changes})
    file = told(settings, folder)
    log = folder / "api.log"
    with log.open("wb") as out:
        environment = os.environ | {SETTINGS_FILE: str(file)}
        process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=out, stderr=out)
    try:
        yield Serving(process, f"http://127.0.0.1:{port}", log, settings, databases)
    finally:
        process.kill()
        process.wait()
        ports.close()
        servers.drop(databases)
