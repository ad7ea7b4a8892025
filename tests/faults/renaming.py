"""Somebody who goes on giving commands while parts of the platform die, and keeps what each was answered."""

from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

import httpx

from cli.client import Api
from infra.names import PREFIX

PAUSE: Final = 0.2


@dataclass(frozen=True)
class Told:
    """What became of one wish: the receipt that the platform gave for it."""

    name: str
    position: int
    chain: str

    @property
    def receipt(self) -> str:
        return f"{self.position}:{self.chain}"


class Renamer(Thread):
    """One name after another; a wish without an answer is repeated under the same key."""

    def __init__(self, api: Api, project: str) -> None:
        super().__init__(name="renamer", daemon=True)
        self.told: list[Told] = []
        self.refused: list[str] = []
        self.repeated = 0
        self._url = f"{api.url}{PREFIX}/projects/{project}"
        self._token = api.token
        self._enough = Event()

    def run(self) -> None:
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while not self._enough.is_set() and not self.refused:
                self._rename(client, f"name {len(self.told) + 1}")
                self._enough.wait(PAUSE)

    def _rename(self, client: httpx.Client, name: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": str(uuid4())}
        while (answer := self._ask(client, name, headers)) is None:
            self.repeated += 1
            self._enough.wait(PAUSE)
        if answer.is_success:
            position = int(answer.headers["Vistory-Position"].rpartition(":")[2])
            self.told.append(Told(name, position, answer.headers["Vistory-Chain"]))
        else:
            self.refused.append(f"{name}: {answer.status_code} {answer.text}")

    def _ask(self, client: httpx.Client, name: str, headers: dict[str, str]) -> httpx.Response | None:
        """None where nobody answered, or only that somebody else is away."""
        try:
            answer = client.patch(self._url, json={"name": name}, headers=headers)
        except httpx.TransportError:
            return None
        return None if answer.status_code in (502, 503, 504) else answer

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self.join(30)
