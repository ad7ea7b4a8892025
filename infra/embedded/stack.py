"""The embedded stack: real servers under one folder, and beside them whatever processes the caller has supervised."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from infra.config import SETTINGS_FILE, Settings
from infra.embedded.child import Change, Child
from infra.embedded.folder import DataFolder
from infra.embedded.group import START_WITHIN, Group
from infra.embedded.parts import Parts
from infra.embedded.passwords import Passwords, keep_keys, write_private
from infra.embedded.ports import Ports
from infra.embedded.told import Told
from infra.logs import is_ready

FRAMEWORKS = ("ultralytics", "timm")


def say_nothing(change: Change) -> None:
    pass


class Stack:
    """Holds the folder from its making until `stop`; a second one on the same folder raises AlreadyRunning."""

    def __init__(
        self,
        data: Path,
        *,
        settings: Settings | None = None,
        on_event: Callable[[Change], None] = say_nothing,
        frameworks: Sequence[str] = FRAMEWORKS,
        start_within: float | None = None,
    ) -> None:
        """`start_within` are the seconds that a part which is at work may take to be ready, else ten minutes."""
        self.folder = DataFolder(data)
        self.folder.make()
        self.folder.lock()
        self.passwords = Passwords(self.folder / "secrets")
        keep_keys(self.passwords, self.folder / "secrets", self.folder / "run" / "keys-made")
        self.ports = Ports(self.folder / "run" / "ports.json")
        self.parts = Parts.of(self.folder, settings or Settings(), self.ports, self.passwords, frameworks)
        self.told = Told(self.folder, self.parts, self.ports, tuple(frameworks))
        self._on_event = on_event
        self._start_within = start_within or START_WITHIN
        self._group = self._new_group()
        self._stopped = Event()

    def start_servers(self, mlflow: bool = True) -> None:
        """Returns when PostgreSQL, NATS, object storage and mail are ready and have what they need; MLflow follows."""
        servers = (self.parts.postgres, self.parts.nats, self.parts.objects, self.parts.mail)
        self._group.start([server.child() for server in servers if server])
        self.parts.check_bus()
        self.parts.provision()
        if mlflow:
            self.start_mlflow()

    def start_mlflow(self) -> None:
        """It takes seconds to be ready, which `await_ready` waits for."""
        if self.parts.mlflow:
            self._group.start([self._mlflow()], wait=False)

    def start(self, children: Iterable[Child], wait: bool = True) -> None:
        """In parallel; with `wait`, returns when the last is ready."""
        self._group.start(children, wait)

    @contextmanager
    def supervised(self, children: Iterable[Child]) -> Iterator[None]:
        """Children that live shorter than the stack."""
        with self._new_group().running(children):
            yield

    def await_ready(self, name: str) -> None:
        self._group.await_ready(name)

    def process(self, name: str, argv: Sequence[str]) -> Child:
        """One of our own: it finds what it is told in a file of its own."""
        return Child(name=name, argv=tuple(argv), cwd=self.folder / "run", env=self.environment(name))

    def vistory(self, name: str) -> Child:
        """By its name: `relay` is `vistory run relay`, `trainer-timm` is `vistory run trainer timm`.

        It is ready when it says so itself: on its port, somebody else may answer.
        """
        words = [str(Path(sys.prefix) / "bin" / "vistory"), "run", *name.split("-", 1)]
        return replace(self.process(name, words), ready_line=is_ready)

    def settings_for(self, process: str) -> Settings:
        """The same as the process reads, for use in this one."""
        return Settings.model_validate(self.told.settings_for(process))

    def environment(self, process: str) -> dict[str, str]:
        """The variables that lead a process to its settings, which are written anew."""
        file = self.folder / "run" / f"{process}.json"
        write_private(file, json.dumps(self.told.settings_for(process), indent=1).encode())
        return {SETTINGS_FILE: str(file)}

    def pids(self) -> dict[str, int]:
        return self._group.pids()

    def wait(self, seconds: float | None = None) -> bool:
        """Until somebody calls `stop`, from a signal handler for example."""
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        """Everything, in order, within ten seconds; what does not go by itself is made to."""
        if self._stopped.is_set():
            return
        self._group.stop()
        if self.parts.objects:
            self.parts.objects.sweep()
        self.ports.close()
        self.folder.unlock()
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _new_group(self) -> Group:
        return Group(self.folder / "logs", self._on_event, self._start_within)

    def _mlflow(self) -> Child:
        assert self.parts.mlflow
        bucket = self.parts.settings.mlflow_bucket
        database = self.parts.database_url("mlflow", self.told.names.mlflow)
        return self.parts.mlflow.child(database, self.parts.s3_url, bucket, self.parts.s3_keys(bucket))
