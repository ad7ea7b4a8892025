"""Threads that several owners share: each has only so many at once, and whoever waited longest for one is next."""

from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Any, Final, TypeVar

R = TypeVar("R")


class Turns:
    def __init__(self, threads: int, each: int, name: str) -> None:
        self._free, self._each = threads, each
        self._threads: Final = ThreadPoolExecutor(threads, name)
        self._lock = Lock()
        self._closed = False
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[tuple[Future[Any], Callable[[], Any]]]] = {}

    def close(self) -> None:
        """What has not begun never will; what runs is waited for."""
        with self._lock:
            self._closed, left, self._waiting = True, self._waiting, {}
        for queue in left.values():
            for future, _ in queue:
                future.cancel()
        self._threads.shutdown()

    def submit(self, owner: Hashable, work: Callable[[], R]) -> "Future[R]":
        future: Future[R] = Future()
        context = copy_context()
        with self._lock:
            if self._closed:
                raise RuntimeError("these threads are closed")
            self._waiting.setdefault(owner, deque()).append((future, lambda: context.run(work)))
            self._begin()
        return future

    def _begin(self) -> None:
        while self._free and (owner := self._next()) is not None:
            queue = self._waiting.pop(owner)
            task = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind all others
            self._threads.submit(self._run, owner, *task)
            self._free -= 1
            self._running[owner] += 1

    def _next(self) -> Hashable | None:
        return next((owner for owner in self._waiting if self._running[owner] < self._each), None)

    def _run(self, owner: Hashable, future: "Future[Any]", work: Callable[[], Any]) -> None:
        try:
            _fulfil(future, work)
        finally:
            with self._lock:
                self._free += 1
                self._running[owner] -= 1
                self._running += Counter()  # forgets those that have none
                self._begin()


def _fulfil(future: "Future[Any]", work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
