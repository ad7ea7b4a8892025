"""One who founds an organization, closes it and reopens it; a member's token is good for nothing in between."""

import time
from contextlib import suppress
from typing import Any, Final

import httpx

from cli.client import Api
from cli.session import sign_in
from tests.faults.doors import NO_TOKEN, SHUT_OUT, Door, problem
from tests.faults.post import Post
from tests.faults.wishing import CLOSED, PASSWORD, REGISTERED, REOPENED, UNDONE, Actor, Wish, address

OPENED: Final = "organization.admission_changed"
VERIFIED: Final = "person.email_verified"
PAUSE: Final = 3.0
LETTER_WITHIN: Final = 20.0


class Closer(Actor):
    """Begins with another organization where a restore has taken back anything of this one."""

    def __init__(self, *given: Any, url: str, post: Post) -> None:
        super().__init__(*given)
        self._url, self._post = url, post
        self._wishes: list[Wish] = []
        self._count = 0

    def act(self) -> None:
        if not self._wishes or any(wish.status == UNDONE for wish in self._wishes):
            self._found()
        if not self._wishes:
            return
        self._asked("POST", "/organization/close", {"name": self._name, "password": PASSWORD}, CLOSED)
        self._look(is_open=False)
        self._asked("POST", "/organization/reopen", {}, REOPENED)
        self._look(is_open=True)
        self._over.wait(PAUSE)

    def _found(self) -> None:
        """Whoever registers first there is its admin, and opens it to all, unless no letter comes to verify by."""
        self._count += 1
        company = f"{self.name} {self._count}"
        self._wishes, self._name = [], f"{company} / Closed"
        self._founder = self._registered(f"{company} founder", company)
        if not (proof := self._proof_of(f"{company} founder")):
            self._wishes = []
            return
        self._asked("POST", "/auth/verify-email", {"token": proof}, VERIFIED)
        self._asked("PATCH", "/organization", {"admission": "open"}, OPENED)
        self._member = self._registered(f"{company} member", company)

    def _registered(self, word: str, company: str) -> Door:
        who = {"email": address(word), "full_name": word, "password": PASSWORD}
        where = {"company": company, "division": "Closed"}
        self._wishes.append(self.see_through(Wish("POST", "/auth/register", who | where, word, REGISTERED)))

        def token() -> str:
            with suppress(Exception), Api(self._url) as api:
                sign_in(api, address(word), PASSWORD)
                return api.token or NO_TOKEN
            return NO_TOKEN

        self.doors.append(Door(self._url, token(), token, self.record.judge))
        return self.doors[-1]

    def _proof_of(self, word: str) -> str | None:
        end = time.monotonic() + LETTER_WITHIN
        while not (proof := self._post.proof_of(address(word))) and time.monotonic() < end and not self.over:
            self._over.wait(0.1)
        return proof

    def _asked(self, method: str, path: str, body: dict[str, Any], topic: str) -> None:
        wish = Wish(method, path, body, self.name, topic, about=(self._name,))
        self._wishes.append(self.see_through(wish, self._founder))

    def _look(self, is_open: bool) -> None:
        """What nobody answers, or what is refused for another reason, says nothing."""
        answer = self._member.ask("GET", "/projects", {})
        if answer is None or not self._wishes[-1].accepted:
            return
        if is_wrong(answer, is_open):
            told = f"{answer.status_code} {answer.text[:200]}"
            self.record.blame(f"{self._name} is {'open' if is_open else 'closed'}, and its member was answered {told}")
        self.record.shut_out += is_shut_out(answer)


def is_wrong(answer: httpx.Response, is_open: bool) -> bool:
    return is_shut_out(answer) if is_open else answer.is_success


def is_shut_out(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and problem(answer) == SHUT_OUT
