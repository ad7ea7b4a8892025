"""Histories that never were, for judges to be judged by."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.faults.checking import Ledger, Stored

Told = tuple[str, str, Mapping[str, Any]]


def ledger(events: Iterable[Told]) -> Ledger:
    """Each by its topic, of what it is, and its data; its command and its chain bear its position."""
    made = Ledger("")
    made.__dict__["events"] = [
        Stored(n, of, topic, data, f"chain {n}", state(n), f"command {n}")
        for n, (topic, of, data) in enumerate(events, 1)
    ]
    return made


def state(position: int) -> bytes:
    return json.dumps({"envelope": {"event": f"event {position}"}}).encode()
