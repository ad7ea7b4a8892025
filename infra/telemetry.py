"""A message of telemetry, read as one that anybody may have sent: what of it can be shown, and kept."""

import json
import math
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from infra.leases import Key
from infra.redaction import in_short

# As the archive numbers them.
LAST_ATTEMPT: Final = 2**31 - 1
# As a cursor holds them.
LAST_NUMBER: Final = 10**15 - 1
Points = list[dict[str, Any]]


class NotTelemetry(ValueError):
    """A message that no worker can have sent about its own job."""


class Shipped(Protocol):
    """What nats-py gives, delivered or read from a stream."""

    @property
    def subject(self) -> Any: ...

    @property
    def data(self) -> Any: ...


class Said(NamedTuple):
    """By a worker of which framework, about a job of which organization, as its subject tells."""

    framework: str
    organization: str
    key: Key
    points: Points


def said_in(message: Shipped) -> Said:
    """Raises NotTelemetry."""
    try:
        *_, framework, organization, job, attempt = message.subject.split(".")
        if not (attempt.isascii() and attempt.isdecimal() and 1 <= int(attempt) <= LAST_ATTEMPT):
            raise NotTelemetry(f"{message.subject} names no attempt")
        key = Key(UUID(job), int(attempt))
        return Said(framework, organization, key, _points_in(bytes(message.data).decode()))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTelemetry(f"{message.subject}: {in_short(error)}") from error


def _points_in(text: str) -> Points:
    """Such as can be kept: one that cannot would keep those of everybody else from the archive. Raises ValueError."""
    points: Any = json.loads(text, parse_constant=_float_of, parse_float=_float_of)["points"]
    if not isinstance(points, list) or not all(map(_is_point, points)):
        raise ValueError("a point has no number or no kind")
    if any(one["n"] >= next["n"] for one, next in pairwise(points)):
        raise ValueError("the numbers of points do not go up")
    if "\\u" in text:  # only so half of a character comes in
        json.dumps(points, ensure_ascii=False).encode()
    return points


def _is_point(point: Any) -> bool:
    if not isinstance(point, dict) or type(n := point.get("n")) is not int:
        return False
    return 1 <= n <= LAST_NUMBER and isinstance(point.get("kind"), str)


def _float_of(text: str) -> float:
    """Raises ValueError where JSON has no such number."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return number
