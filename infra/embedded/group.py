"""Children that start together and stop together, in the reverse order of their starting."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

from infra.embedded import logs
from infra.embedded.child import Change, Child
from infra.embedded.supervisor import Keeper

STOP_WITHIN = 9.5
START_WITHIN = 600.0


class Group:
    def __init__(
        self, log_folder: Path, on_change: Callable[[Change], None], start_within: float = START_WITHIN
    ) -> None:
        """`start_within` are the seconds that a child which is at work may take to be ready."""
        self._logs = log_folder
        self._on_change = on_change
        self._start_within = start_within
        self._telling = Lock()
        self._layers: list[list[Keeper]] = []
        self._stopped = Event()
        self._trimmer = Thread(target=self._trim, name="trim-logs", daemon=True)
        self._trimmer.start()

    def start(self, children: Iterable[Child], wait: bool = True) -> None:
        """All at once, as one layer; with `wait`, returns when the last is ready."""
        layer = [Keeper(child, self._logs / f"{child.name}.log", self._tell, self._start_within) for child in children]
        self._layers.append(layer)
        for keeper in layer:
            keeper.start()
        for keeper in layer if wait else []:
            keeper.await_ready()

    @contextmanager
    def running(self, children: Iterable[Child]) -> Iterator[None]:
        try:
            self.start(children)
            yield
        finally:
            self.stop()

    def pids(self) -> dict[str, int]:
        return {keeper.child.name: keeper.pid for layer in self._layers for keeper in layer if keeper.pid}

    def await_ready(self, name: str) -> None:
        """Of a child that was started without waiting."""
        next(keeper for layer in self._layers for keeper in layer if keeper.child.name == name).await_ready()

    def stop(self) -> None:
        end = time.monotonic() + STOP_WITHIN
        while self._layers:
            left, wanted = end - time.monotonic(), sum(map(grace, self._layers))
            layer = self._layers.pop()
            if layer:
                stop_layer(layer, left * grace(layer) / wanted)
        self._stopped.set()
        self._trimmer.join()

    def _tell(self, change: Change) -> None:
        with self._telling:
            self._on_change(change)

    def _trim(self) -> None:
        while not self._stopped.wait(5.0):
            logs.trim(self._logs)


def grace(layer: list[Keeper]) -> float:
    return max((keeper.child.grace for keeper in layer), default=0.0)


def stop_layer(layer: list[Keeper], seconds: float) -> None:
    begun = time.monotonic()
    for keeper in layer:
        keeper.ask_to_stop()
    for keeper in layer:
        share = min(seconds, keeper.child.grace)
        keeper.await_stopped(max(0.1, begun + share - time.monotonic()))
