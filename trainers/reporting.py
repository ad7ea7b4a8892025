"""What a training says: one JSON object a line, on the stream that libraries cannot reach."""

import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

PAUSE_BETWEEN_BATCHES = 0.25


class Reporter:
    def __init__(self, stream: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.clock = clock
        self.quiet_until = -math.inf

    def say(self, kind: str, **fields: Any) -> None:
        self.stream.write(line({"kind": kind, **fields}))
        self.stream.flush()

    def batch(self, epoch: int, batch: int, batches: int, metrics: Callable[[], Mapping[str, float]]) -> None:
        """At most a few a second, and always the last of an epoch; metrics are asked for only when they are said."""
        now = self.clock()
        if now < self.quiet_until and batch != batches:
            return
        self.quiet_until = now + PAUSE_BETWEEN_BATCHES
        self.say("batch", epoch=epoch, batch=batch, batches=batches, metrics=metrics())


def line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(message), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def plain(value: Any) -> Any:
    """JSON has no word for a float that is not finite: such a one becomes a tagged string."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return value
