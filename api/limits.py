"""How much one account or one address may ask for, so that the flood of one is no outage for the others."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Self

MOST_KNOWN: Final = 10_000
# How many seconds' worth may be asked for at once.
BURST: Final = 10.0
# Others may be behind the same address; and a password is slow to check, also a wrong one.
ADDRESS_OVER_ACCOUNT: Final = 4.0
SIGN_INS_PER_SECOND: Final = 10.0
SOCKETS_OF_AN_ACCOUNT: Final = 50
SOCKETS_WITHOUT_A_TOKEN: Final = 200


class TooManyRequests(Exception):
    def __init__(self, wait: float) -> None:
        super().__init__("more was asked for than one account or address may; wait as long as Retry-After says")
        self.headers = {"Retry-After": str(ceil(wait))}


@dataclass
class Allowance:
    """Of each the moment at which all that it asked for would have been due at an even pace."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    _due: dict[Hashable, float] = field(default_factory=dict)

    def take(self, who: Hashable) -> None:
        """Raises TooManyRequests; a rate of 0 allows everything."""
        if not self.per_second:
            return
        now = self.clock()
        due = max(self._due.get(who, now), now) + 1 / self.per_second
        if due > now + BURST:
            raise TooManyRequests(due - now - BURST)
        if len(self._due) >= MOST_KNOWN:
            self._forget(now)
        self._due[who] = due

    def _forget(self, now: float) -> None:
        self._due = {who: due for who, due in self._due.items() if due > now}
        if len(self._due) >= MOST_KNOWN:
            self._due.clear()


@dataclass
class Seats:
    """Sockets that are open at once, each counted for somebody."""

    most: int
    _taken: Counter[Hashable] = field(default_factory=Counter)

    @contextmanager
    def one(self, who: Hashable) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._taken[who] >= self.most:
            raise TooManyRequests(1.0)
        self._taken[who] += 1
        try:
            yield
        finally:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]


@dataclass(frozen=True)
class Limits:
    accounts: Allowance
    addresses: Allowance
    sign_ins: Allowance
    sockets: Seats
    strangers: Seats

    @classmethod
    def of(cls, per_second: float) -> Self:
        """Requests of one account; 0 is no limit at all."""
        return cls(
            Allowance(per_second),
            Allowance(per_second * ADDRESS_OVER_ACCOUNT),
            Allowance(min(SIGN_INS_PER_SECOND, per_second)),
            Seats(SOCKETS_OF_AN_ACCOUNT),
            Seats(SOCKETS_WITHOUT_A_TOKEN),
        )

    def knock(self, address: str, path: str) -> None:
        """Raises TooManyRequests. Whoever only asks whether we are alive costs nothing, and may restart us."""
        if path.endswith("/health"):
            return
        self.addresses.take(address)
        if path.endswith(("/auth/login", "/auth/register")):
            self.sign_ins.take(address)
