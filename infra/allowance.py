"""How often somebody may ask, at an even pace and in a burst, so that the flood of one is no outage for the others."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from threading import BoundedSemaphore, Lock
from typing import Final

from infra.names import AS_TOLD

MOST_KNOWN: Final = 10_000
# How many seconds' worth may be asked for at once.
BURST: Final = 10.0


class TooManyRequests(Exception):
    def __init__(self, wait: float, why: str = "more was asked for than one account or address may") -> None:
        super().__init__(f"{why}{AS_TOLD}")
        self.headers = {"Retry-After": str(ceil(wait))}


class Gate:
    """So many at once, and so many who wait for them; whoever comes after those is told to come again."""

    def __init__(self, at_once: int, waiting: int, why: str) -> None:
        self._inside, self._room, self._why = BoundedSemaphore(at_once), BoundedSemaphore(at_once + waiting), why

    def __enter__(self) -> None:
        """Raises TooManyRequests."""
        if not self._room.acquire(blocking=False):
            raise TooManyRequests(1.0, self._why)
        self._inside.acquire()

    def __exit__(self, *_: object) -> None:
        self._inside.release()
        self._room.release()


@dataclass
class Allowance:
    """Of each the moment at which all that it asked for would have been due at an even pace; a rate of 0 allows all."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    burst: float = BURST
    _due: dict[Hashable, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def look(self, who: Hashable) -> None:
        """Raises TooManyRequests where `take` would; takes nothing."""
        if self.per_second:
            self._next(who, self.clock())

    def take(self, who: Hashable) -> None:
        """Raises TooManyRequests."""
        if not self.per_second:
            return
        with self._lock:
            now = self.clock()
            due = self._next(who, now)
            if len(self._due) >= MOST_KNOWN:
                self._forget(now)
            self._due[who] = due

    def _next(self, who: Hashable, now: float) -> float:
        due = max(self._due.get(who, now), now) + 1 / self.per_second
        if due > now + self.burst:
            raise TooManyRequests(due - now - self.burst)
        return due

    def _forget(self, now: float) -> None:
        """Those who asked for least: whoever comes under many names gets nobody forgotten who asked for much."""
        waiting = sorted((due, at, who) for at, (who, due) in enumerate(self._due.items()) if due > now)
        self._due = {who: due for due, _, who in waiting[-(MOST_KNOWN // 2) :]}


@lru_cache(4 * MOST_KNOWN)
def household(address: str) -> str:
    """Whoever has one address of IPv6 has its /64: 2^64 of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or ip_network((int(found), 64), strict=False))
