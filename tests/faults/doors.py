"""How a client comes to the API: by a token that is renewed when its time is over, and with a judge of each answer."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import httpx

from infra.names import PREFIX, PROBLEM

WITHIN: Final = 8.0
# After these, somebody else may answer otherwise. Only the first two are answers that the API may give.
AGAIN: Final = (429, 503, 502, 504)
# Whoever is answered so is told when to come again.
BUSY: Final = (429, 503)
# What a token is refused with that is good, while its organization is closed.
SHUT_OUT: Final = "organization-was-closed"
NO_TOKEN: Final = ""


@dataclass
class Judge:
    """Of answers that are wrong at once, whatever was asked."""

    wrong: list[str] = field(default_factory=list)
    # By how much the clock of the API may be ahead of ours in this round.
    ahead: float = 0.0
    # When the store was last taken back, by the monotonic clock: sessions that are younger than that are gone.
    rewound_at: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def blame(self, what: str) -> None:
        with self.lock:
            self.wrong.append(what)

    def blamed(self) -> list[str]:
        """What was wrong since this was asked last."""
        with self.lock:
            found, self.wrong = self.wrong, []
        return found

    def hear(self, asked: str, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in BUSY and "Retry-After" not in answer.headers:
            self.blame(f"{asked}: {status} without Retry-After")
        elif status in AGAIN and status not in BUSY:
            self.blame(f"{asked}: {status}, which only a server before the API may answer")

    def is_over(self, token: str, given_at: float) -> bool:
        """Whether a token may be refused now."""
        return given_at < self.rewound_at or expires(token) <= time.time() + self.ahead


class Door:
    """The API for one of them. None where no answer came, or one that only says that the token's time is over.

    `renew` gets another token, or none where nobody gives one just now; without it nobody has one.
    """

    def __init__(self, url: str, token: str, renew: Callable[[], str] | None, judge: Judge) -> None:
        self._client = httpx.Client(base_url=f"{url}{PREFIX}", trust_env=False, timeout=WITHIN)
        self._token, self._renew, self._judge = token, renew, judge
        self._given_at = time.monotonic()

    def ask(self, method: str, path: str, headers: dict[str, str], **what: Any) -> httpx.Response | None:
        if self._renew and self._token == NO_TOKEN:
            self._given_at, self._token = time.monotonic(), self._renew()
            if self._token == NO_TOKEN:
                return None
        told = ({"Authorization": f"Bearer {self._token}"} if self._token else {}) | headers
        try:
            answer = self._client.request(method, path, headers=told, **what)
        except httpx.TransportError:
            return None
        self._judge.hear(f"{method} {path}", answer)
        return self._refused(f"{method} {path}", answer) if answer.status_code == 401 else answer

    def _refused(self, asked: str, answer: httpx.Response) -> httpx.Response | None:
        """Each token once, and only when its time is over."""
        if self._token == NO_TOKEN or problem(answer) == SHUT_OUT:
            return answer
        token, self._token = self._token, NO_TOKEN
        if self._judge.is_over(token, self._given_at):
            return None
        self._judge.blame(f"{asked}: 401 {problem(answer)} for a token that is good until {expires(token):.0f}")
        return answer

    def close(self) -> None:
        self._client.close()


def expires(token: str) -> float:
    """As it says itself (RFC 7519, `exp`)."""
    claims = token.split(".")[1]
    return float(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])


def problem(answer: httpx.Response) -> str:
    """The type of it, in our words; of what is none of ours, all of it."""
    ours = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    return str(answer.json()["type"]).removeprefix(PROBLEM) if ours else answer.text
