"""Many events onto the stream at once: all in order after the tail that was expected, or none (ADR-50)."""

import json
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import uuid4

from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.api import Header

from infra.published import Published
from infra.redaction import in_short
from infra.streams import EVENTS

MOST_MESSAGES: Final = 1_000
MOST_BYTES: Final = 4 * 1024 * 1024
HEADER_BYTES: Final = 1_024  # more than the headers of an event and of a batch ever take
ANSWER_SECONDS: Final = 10.0
_TAIL_HAS_MOVED: Final = frozenset({10071, 10201})


class NotStored(Exception):
    """The batch was refused, or its fate is unknown; what the stream's tail is now has to be read from it."""


class LostRace(NotStored):
    """Another relay was faster."""


def batches(events: Sequence[Published]) -> Iterator[Sequence[Published]]:
    """Cut so that neither count nor bytes go over what one batch may hold."""
    start = size = 0
    for n, event in enumerate(events):
        own = len(event.data) + HEADER_BYTES
        if n > start and (n - start == MOST_MESSAGES or size + own > MOST_BYTES):
            yield events[start:n]
            start, size = n, 0
        size += own
    if start < len(events):
        yield events[start:]


async def publish_batch(client: Client, events: Sequence[Published], after: int) -> None:
    """Store `events` at the positions that follow `after`. Raises NotStored, LostRace."""
    batch = uuid4().hex
    for n, event in enumerate(events[:-1], 1):
        await client.publish(event.subject, event.data, headers=_headers(event, batch, n, after))
    last = events[-1]
    headers = _headers(last, batch, len(events), after) | {Header.BATCH_COMMIT.value: "1"}
    try:
        answer = await client.request(last.subject, last.data, timeout=ANSWER_SECONDS, headers=headers)
    except (NoRespondersError, TimeoutError) as error:
        raise NotStored(f"no answer from the stream: {in_short(error)}") from error
    _check(json.loads(answer.data), after + len(events))


def _headers(event: Published, batch: str, n: int, after: int) -> dict[str, str]:
    own = {Header.BATCH_ID.value: batch, Header.BATCH_SEQUENCE.value: str(n)}
    if n == 1:
        own |= {Header.EXPECTED_STREAM.value: EVENTS, Header.EXPECTED_LAST_SEQUENCE.value: str(after)}
    return event.headers | own


def _check(answer: dict[str, object], position: int) -> None:
    match answer:
        case {"error": {"err_code": code, "description": why}}:
            raise (LostRace if code in _TAIL_HAS_MOVED else NotStored)(f"{why} ({code})")
        case {"seq": seq} if seq != position:
            raise NotStored(f"the stream numbered the last event {seq}, the ledger {position}")
