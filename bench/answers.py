"""What the load of a soak was answered: a request to wait is no failure, every other error is one."""

from collections import Counter
from http import HTTPStatus
from threading import Lock
from typing import Final

import httpx

from cli.client import Api, Problem

MAY_ASK_TO_WAIT: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
ENDS: Final = ("completed", "cancelled")


class Answers:
    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.waits = 0
        self._lock = Lock()

    def watch(self, api: Api) -> None:
        """Every single answer counts, also one after which the client asks again by itself."""
        api._http.event_hooks["response"].append(self._hear)

    def fail(self, where: str, error: Exception) -> None:
        """An error of the API is counted where it was heard; what is asked to wait to the end is never done."""
        if not isinstance(error, Problem) or error.status in (HTTPStatus.UNAUTHORIZED, *MAY_ASK_TO_WAIT):
            self._count(f"{where}: {type(error).__name__}")

    def end(self, status: str) -> None:
        if status not in ENDS:
            self._count(f"training {status}")

    def never_ended(self, threads: int) -> None:
        if threads:
            self._count("still at work 120 s after the end", threads)

    def _hear(self, answer: httpx.Response) -> None:
        if answer.status_code in MAY_ASK_TO_WAIT and "Retry-After" in answer.headers:
            with self._lock:
                self.waits += 1
        elif answer.is_error and not may_be(answer):
            self._count(f"{answer.request.method} answered with {answer.status_code}")

    def _count(self, kind: str, times: int = 1) -> None:
        with self._lock:
            self.failures[kind] += times


def may_be(answer: httpx.Response) -> bool:
    """A token has run out, and is renewed; a training that is to be cancelled has ended just before."""
    is_over = answer.status_code == HTTPStatus.CONFLICT and answer.request.url.path.endswith("/cancel")
    return is_over or answer.status_code == HTTPStatus.UNAUTHORIZED
