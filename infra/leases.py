"""Leases on attempts: a worker renews its own, and whoever judges it counts only time in which it could have seen that.

A lease is the value under `<framework>.<job>.<attempt>` in the KV bucket LEASES. No clock of another machine is ever
compared.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

BUCKET: Final = "LEASES"
# Within ten seconds a worker that is gone is noticed, asked in vain, and replaced.
RENEWED_EVERY: Final = 1.5
LASTS: Final = 5.0


class Key(NamedTuple):
    job: UUID
    attempt: int

    def __str__(self) -> str:
        return f"{self.job}.{self.attempt}"


def subject(framework: str, key: Key) -> str:
    """A trainer may write those of its own framework."""
    return f"$KV.{BUCKET}.{framework}.{key}"


async def renew(stream: JetStreamContext, framework: str, key: Key, worker: UUID) -> None:
    value = json.dumps({"worker": str(worker), "at": datetime.now(UTC).isoformat()}).encode()
    await stream.publish(subject(framework, key), value, timeout=RENEWED_EVERY)


async def give_up(stream: JetStreamContext, framework: str, key: Key) -> None:
    await stream.publish(subject(framework, key), b"", timeout=RENEWED_EVERY, headers={"KV-Operation": "DEL"})


async def revision(stream: JetStreamContext, framework: str, key: Key) -> int | None:
    """The number of the last renewal; None before the first."""
    with suppress(NotFoundError):
        return (await stream.get_last_msg(f"KV_{BUCKET}", subject(framework, key))).seq
    return None


@dataclass
class Patience:
    """How long each attempt has been silent, on the judge's own monotonic clock.

    Time in which no renewal could have been seen does not count, and after it every silence begins anew.
    """

    lasts: float = LASTS
    longest_step: float = 2.0
    _last: float | None = None
    _seen: dict[Key, int | None] = field(default_factory=dict)
    _silence: dict[Key, float] = field(default_factory=dict)

    def blind(self) -> None:
        """The bus could not be asked: whatever was counted is void."""
        self._last = None
        self._silence.clear()

    def look(self, now: float, revisions: Mapping[Key, int | None]) -> list[Key]:
        """Who has been silent for longer than a lease lasts, given the last renewal of each that runs."""
        # A judge that was itself suspended saw nothing in that time.
        step = min(now - self._last, self.longest_step) if self._last is not None else 0.0
        self._last = now
        self._silence = {key: self._silence_of(key, number, step) for key, number in revisions.items()}
        self._seen = dict(revisions)
        return [key for key, silence in self._silence.items() if silence > self.lasts]

    def forgive(self, key: Key) -> None:
        """Somebody saw it alive on another way."""
        self._silence[key] = 0.0

    def _silence_of(self, key: Key, number: int | None, step: float) -> float:
        if key not in self._silence or self._seen.get(key) != number:
            return 0.0
        return self._silence[key] + step
