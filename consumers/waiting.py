"""Whose jobs wait because their organization has its share: those in front are looked at often, those behind seldom.

The bus delivers what was put back before anything new, so that however many wait must leave room for others' jobs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SOONEST: Final = 3.0
PER_SECOND: Final = 10.0  # of those in front; all behind them together add little, for the n-th comes n times as seldom
REFUSED_FOR: Final = 1.0
FORGOTTEN_AFTER: Final = 30.0


@dataclass
class Waiting:
    """As far as one worker has seen; its clock is the only one that counts."""

    clock: Callable[[], float] = time.monotonic
    _refused: dict[str, float] = field(default_factory=dict)
    _lines: dict[str, dict[int, float]] = field(default_factory=dict)

    def refused(self, organization: str) -> None:
        self._refused[organization] = self.clock() + REFUSED_FOR

    def has_its_share(self, organization: str) -> bool:
        """The platform said so a moment ago, and need not be asked again for each job that waits."""
        return self.clock() < self._refused.get(organization, 0.0)

    def put_back(self, organization: str, position: int) -> float:
        """For how long: the further behind in the line of its organization, the longer."""
        now = self.clock()
        self._forget(now)
        line = self._lines.setdefault(organization, {})
        place = 1 + sum(other < position for other in line)
        delay = max(SOONEST, place * len(self._lines) / PER_SECOND)
        line[position] = now + 2 * delay + FORGOTTEN_AFTER
        return delay

    def _forget(self, now: float) -> None:
        """What did not come again was taken by another worker."""
        left = {each: {at: until for at, until in line.items() if until > now} for each, line in self._lines.items()}
        self._lines = {organization: line for organization, line in left.items() if line}
        self._refused = {organization: until for organization, until in self._refused.items() if until > now}
