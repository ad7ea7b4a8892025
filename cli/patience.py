"""How often somebody is asked again who cannot answer just now, and in which words that is told."""

import time
from http import HTTPStatus

import httpx

from cli.output import complain
from infra.names import PROBLEM

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
# Where an answer does not say when to ask again, and where it says a time that nobody would wait.
PATIENCE = 0.5
LONGEST_PAUSE = 60.0
WORTH_A_WORD = 1.0
AWAY = {429, 502, 503, 504}
# Of the problems that mean so, by type.
BEHIND = {
    f"{PROBLEM}not-there-yet": "the platform is behind: your last change is recorded, but not to be seen yet;"
    " ask again soon, and where that does not help, `vistory doctor` tells whoever keeps the platform why",
    f"{PROBLEM}read-model-stopped": "your last change is recorded, but will not be seen before the platform"
    " is mended: `vistory doctor` tells whoever keeps it what has stopped, and what to do",
}


class Patience:
    """With a server that cannot be asked just now; whoever waits for longer than a moment is told once what for."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._begun = time.monotonic()
        self._told = False

    def wait(self, seconds: float, why: str) -> None:
        if not self._told and time.monotonic() + seconds - self._begun > WORTH_A_WORD:
            complain(f"{self.server} {why}; asking again ...")
            self._told = True
        time.sleep(seconds)


def hindrance(answer: httpx.Response) -> str:
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return "is asked for too much at once"
    is_behind = any(kind.encode() in answer.content for kind in BEHIND)
    return "does not show your last change yet" if is_behind else "lacks a part of itself just now"


def asked_to_wait(answer: httpx.Response, otherwise: float = PATIENCE) -> float:
    """As many seconds as Retry-After says."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else otherwise
