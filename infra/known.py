"""Aggregates as they were last seen, so that only what happened since is read and decoded.

A hint and never the truth: whoever takes one reads on from its version, and the append asserts the version again.
"""

import time
from collections import OrderedDict
from threading import Lock
from typing import Final
from uuid import UUID

from domain.model import Aggregate

MOST: Final = 2_000
SECONDS: Final = 30.0
WORTH: Final = 100
"""An aggregate is kept for this many times as long as it took to read, and for SECONDS at least: an organization of
100,000 seats is not read all day."""


MOST_VERIFIED: Final = 20_000
_CHANGING: Final = (list, set, dict)


class Known:
    """Bounded in number and in age. What holds anything about a person is not to be kept here, but that an address is
    verified: by id, and for as long as the process runs, since nothing ever takes it back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._verified = set[UUID]()
        self._kept: OrderedDict[UUID, tuple[float, Aggregate]] = OrderedDict()

    def get(self, id: UUID) -> tuple[float, Aggregate] | None:
        """Until when it is good, and a copy of it."""
        with self._lock:
            kept = self._kept.get(id)
            if kept is None or kept[0] < time.monotonic():
                return None
            self._kept.move_to_end(id)
            return kept[0], _copy(kept[1])

    def keep(self, aggregate: Aggregate, until: float) -> None:
        """A copy."""
        with self._lock:
            self._kept[aggregate.id] = until, _copy(aggregate)
            self._kept.move_to_end(aggregate.id)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def is_verified(self, person_id: UUID) -> bool:
        return person_id in self._verified

    def note_verified(self, person_id: UUID) -> None:
        with self._lock:
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.clear()
            self._verified.add(person_id)

    def forget(self, id: UUID) -> None:
        with self._lock:
            self._kept.pop(id, None)


def good_until(begun: float) -> float:
    """Of what has just been read from its first event, which began then."""
    now = time.monotonic()
    return now + max(SECONDS, WORTH * (now - begun))


def _copy(aggregate: Aggregate) -> Aggregate:
    """What an aggregate holds is frozen, or a plain collection of what is frozen."""
    other = type(aggregate).__new__(type(aggregate))
    other.__dict__.update(
        {name: value.copy() if isinstance(value, _CHANGING) else value for name, value in vars(aggregate).items()}
    )
    return other
