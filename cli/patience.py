"""How often somebody is asked again who cannot answer just now, and in which words that is told."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

import httpx

from cli.output import complain
from infra.names import AS_TOLD, PROBLEM

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
# Where an answer does not say when to ask again, and where it says a time that nobody would wait.
PATIENCE = 0.5
LONGEST_PAUSE = 60.0
# Whoever signs in or types a code would rather be told for how long they cannot.
LONGEST_AFTER_FAILURES = 5.0
TRIED_TOO_OFTEN = f"{PROBLEM}tried-too-often"
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
        said = problem_of(answer).get("detail")
        wait = in_time(asked_to_wait(answer))
        return f"asks for a pause of {wait}: {without_header(said)}" if said else "is asked for too much at once"
    is_behind = any(kind.encode() in answer.content for kind in BEHIND)
    return "does not show your last change yet" if is_behind else "lacks a part of itself just now"


def asked_to_wait(answer: httpx.Response, otherwise: float = PATIENCE) -> float:
    """As many seconds as Retry-After says."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else otherwise


def longest_pause(answer: httpx.Response) -> float:
    """How long a command waits at most before it asks again; where it is to wait for longer, it ends."""
    is_slowed = problem_of(answer).get("type") == TRIED_TOO_OFTEN
    return LONGEST_AFTER_FAILURES if is_slowed else LONGEST_PAUSE


def problem_of(answer: httpx.Response) -> Mapping[str, Any]:
    """What a refusal says of itself; nothing where it is none of this platform's."""
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def without_header(detail: str) -> str:
    """A person sees no header; the time that stands in it is told beside this."""
    return detail.removesuffix(AS_TOLD)


def in_time(seconds: float) -> str:
    for unit, length, most in (("s", 1, 120), ("minutes", 60, 7_200)):
        if seconds < most:
            return f"{ceil(seconds / length)} {unit}"
    return f"{ceil(seconds / 3_600)} hours"
