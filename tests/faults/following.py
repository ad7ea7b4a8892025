"""Trainings one after the other, with two live sockets on each: one stays, one leaves and resumes by cursor."""

import random
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from cli.client import Api, Problem, Unreachable
from cli.live import Message, is_signed_out, once

PAUSE: Final = 0.3
_RENEWING: Final = Lock()
RECIPE: Final = {"framework": "timm", "model": "test_resnet"}


class Listener(Thread):
    """Keeps every message of a job in the order in which it came, until the end."""

    def __init__(self, api: Api, job: str, leaves: random.Random | None = None) -> None:
        super().__init__(name=f"listener-{job[-6:]}", daemon=True)
        self.heard: list[Message] = []
        self.breaks = 0
        self._api, self._job, self._leaves = api, job, leaves
        self._over = Event()
        self._used: str | None = None

    def run(self) -> None:
        while not self._over.is_set() and not self.has_ended:
            try:
                self._listen()
            except (OSError, ConnectionClosed, InvalidHandshake, ValueError) as error:
                self.breaks += 1
                if is_signed_out(error):
                    self._go_on()
            self._over.wait(PAUSE)

    def _go_on(self) -> None:
        """With another token: a round on a slow machine takes longer than one is good for."""
        with _RENEWING, suppress(Problem, Unreachable):
            if self._used == self._api.token:
                self._api.goes_on()

    @property
    def has_ended(self) -> bool:
        return bool(self.heard) and self.heard[-1]["kind"] == "end"

    def _listen(self) -> None:
        cursor, self._used = self.heard[-1]["cursor"] if self.heard else None, self._api.token
        for message in once(self._api, self._job, cursor):
            self.heard.append(message)
            if self._over.is_set() or (self._leaves and self._leaves.random() < 0.02):
                self.breaks += 1
                return

    def end(self) -> None:
        self._over.set()


@dataclass
class Followed:
    """A job, and who listens to it."""

    job: str
    listeners: list[Listener] = field(default_factory=list)


@dataclass
class Trainings:
    """Requests a training of the same data whenever there is none."""

    api: Api
    project: str
    dataset: str
    chance: random.Random
    epochs: int
    followed: list[Followed] = field(default_factory=list)

    def request(self, epochs: int | None = None) -> Followed:
        parameters: dict[str, Any] = {"epochs": epochs or self.epochs, "image_size": 64}
        wanted = {"project_id": self.project, "dataset_id": self.dataset, **RECIPE, "parameters": parameters}
        found = Followed(self.api.post("/training-jobs", **wanted)["id"])
        chance = random.Random(self.chance.random())
        found.listeners = [Listener(self.api, found.job), Listener(self.api, found.job, chance)]
        for listener in found.listeners:
            listener.start()
        self.followed.append(found)
        return found

    def end(self) -> None:
        for followed in self.followed:
            for listener in followed.listeners:
                listener.end()
