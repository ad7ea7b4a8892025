"""How much one account or one address may ask for, so that the flood of one is no outage for the others."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Self

from infra.allowance import Allowance, TooManyRequests, household
from infra.names import PREFIX

# Others may be behind the same address; and a password is slow to hash.
ADDRESS_OVER_ACCOUNT: Final = 4.0
REGISTRATIONS_PER_SECOND: Final = 10.0
SOCKETS_OF_AN_ACCOUNT: Final = 50
SOCKETS_WITHOUT_A_TOKEN: Final = 200
# Each may be 8 MiB, and takes ten times that once it is read.
LONG_REQUESTS_OF_AN_ACCOUNT: Final = 4
# What anybody may ask for, and what makes somebody else work or reads like a guess.
COSTLY: Final = (
    *(f"/auth/{word}" for word in ("register", "forgot-password", "reset-password")),
    *(f"/auth/{word}" for word in ("resend-verification", "verify-email")),
    *("/invitations/accept", "/invitations/decline", "/info"),
)
HEALTH: Final = ("/health", f"{PREFIX}/health")


@dataclass
class Seats:
    """What goes on at once, each counted for somebody."""

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
    registrations: Allowance
    sockets: Seats
    strangers: Seats
    long_requests: Seats

    @classmethod
    def of(cls, per_second: float) -> Self:
        """Requests of one account; 0 is no limit at all."""
        return cls(
            Allowance(per_second),
            Allowance(per_second * ADDRESS_OVER_ACCOUNT),
            Allowance(min(REGISTRATIONS_PER_SECOND, per_second)),
            Seats(SOCKETS_OF_AN_ACCOUNT),
            Seats(SOCKETS_WITHOUT_A_TOKEN),
            Seats(LONG_REQUESTS_OF_AN_ACCOUNT),
        )

    def knock(self, address: str, path: str) -> None:
        """Raises TooManyRequests. Whoever only asks whether we are alive costs nothing, and may restart us."""
        if path in HEALTH:
            return
        who = household(address)
        self.addresses.take(who)
        if path.endswith(COSTLY):
            self.registrations.take(who)
