"""The data folder of the platform that is looked at, and what its processes were told: read, never written."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from infra.checkup.finding import Finding, State, wrong
from infra.embedded.ports import HOST, remembered

OURS: Final = ("relay", "projector", "consumers", "api")


@dataclass(frozen=True, eq=False)
class Place:
    """One look: what was found out once is not asked for again."""

    path: Path

    @cached_property
    def running(self) -> int | None:
        """The process of the `up` that holds this folder."""
        try:
            with (self.path / "run" / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int((self.path / "run" / "lock").read_text().strip() or 0)
        except FileNotFoundError:
            pass
        return None

    def told(self, process: str) -> Mapping[str, Any]:
        """What a process was told last; nothing, where it never was."""
        file = self.path / "run" / f"{process}.json"
        return json.loads(file.read_bytes()) if file.exists() else {}

    @cached_property
    def cli(self) -> Mapping[str, Any]:
        return self.told("cli")

    @cached_property
    def trainers(self) -> dict[str, Mapping[str, Any]]:
        files = sorted((self.path / "run").glob("trainer-*.json"))
        return {file.stem.removeprefix("trainer-"): self.told(file.stem) for file in files}

    @cached_property
    def hosts_mlflow(self) -> bool:
        """Whether the one that its processes are told of is the embedded one."""
        port = remembered(self.path / "run" / "ports.json").get("mlflow")
        return port is not None and self.cli.get("mlflow_url") == f"http://{HOST}:{port}"

    def silent(self, part: str, why: str, log: str, version: str = "") -> Finding:
        """A part that does not answer: as it should be, where the platform is down."""
        if self.running is None:
            return Finding(part, State.OFF, "it does not answer, as the platform is down", version=version)
        do = f"it is started again by itself; if that does not help: {self.path / 'logs' / log}.log"
        return wrong(part, f"it does not answer: {why}", do, version)
