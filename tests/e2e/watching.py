"""Somebody who looks on while the platform runs: what its processes show, what its workers are given, every address."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

import psutil

from cli.client import Api
from tests.e2e.running import Up

OFTEN: Final = 0.2


class Noting(Api):
    """Keeps every address with a permission of its own that it is given."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.addresses = set[str]()

    def get(self, path: str, **query: Any) -> Any:
        return self._noted(super().get(path, **query))

    def post(self, path: str, **body: Any) -> Any:
        return self._noted(super().post(path, **body))

    def _noted(self, answer: Any) -> Any:
        self.addresses |= {text for text in texts(answer) if "X-Amz-" in text}
        return answer


def texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for inner in document.values() if isinstance(document, dict) else document:
            yield from texts(inner)


class Watch(Thread):
    """What the command lines and environments of all its processes show, and the tokens of jobs meanwhile."""

    def __init__(self, running: Up, data: Path) -> None:
        super().__init__(name="watch", daemon=True)
        self.shown: dict[bytes, str] = {}
        self.tokens = set[str]()
        self._running = running
        self._data = data
        self._enough = Event()

    def run(self) -> None:
        while not self._enough.wait(OFTEN):
            for process in [psutil.Process(self._running.process.pid), *self._running.family()]:
                with suppress(psutil.Error, OSError):  # it ended just now
                    self._look_at(process)
            for claim in self._data.glob("trainer-*/attempts/*/claim.json"):
                with suppress(ValueError, OSError):
                    self.tokens.add(json.loads(claim.read_text())["token"])

    def _look_at(self, process: psutil.Process) -> None:
        for what in ("cmdline", "environ"):
            self.shown[Path(f"/proc/{process.pid}/{what}").read_bytes()] = process.name()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self.join(10)
