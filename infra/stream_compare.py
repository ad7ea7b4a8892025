"""Compares the stream with the store, position by position: subject, headers, bytes and chain."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import ServiceUnavailableError

from infra.ledger import Head, Ledger, Row
from infra.nats_users import ANSWERED_WITHIN
from infra.published import pack
from infra.streams import EVENTS, foreign

PAGE: Final = 500
_OF_THE_BATCH: Final = ("Nats-Batch-", "Nats-Expected-")


class Difference(NamedTuple):
    position: int
    what: str


@dataclass
class Comparison:
    ledger: UUID
    generation: int
    store: int
    stream: int
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def behind(self) -> int:
        """How many events the relay has yet to carry over."""
        return max(0, self.store - self.stream)

    @property
    def equal(self) -> bool:
        return not self.differences and not self.behind


async def compare(ledger: Ledger, js: JetStreamContext) -> Comparison:
    """From the first position to the last; whatever is appended meanwhile is left out."""
    head = await asyncio.to_thread(ledger.head)
    info = await js.stream_info(EVENTS)
    last = info.state.last_seq
    found = Comparison(head.ledger, head.generation, head.position, last)
    if (why := foreign(info.config.metadata or {}, head)) is not None:
        found.differences.append(Difference(0, why))
    async for page in _pages(js, last):
        await _compare_page(found, ledger, head, page)
    if found.compared < last:
        found.differences.append(Difference(found.compared + 1, "missing from the stream, and all that follow"))
    return found


async def _compare_page(found: Comparison, ledger: Ledger, head: Head, page: Sequence[Msg]) -> None:
    messages = {message.metadata.sequence.stream: message for message in page}
    end = max(messages)
    rows = await asyncio.to_thread(ledger.read, found.compared, end - found.compared)
    stored = {row.position: row for row in rows}
    for position in range(found.compared + 1, end + 1):
        if (what := _difference(messages.get(position), stored.get(position), head)) is not None:
            found.differences.append(Difference(position, what))
    found.compared = end


def _difference(message: Msg | None, row: Row | None, head: Head) -> str | None:
    if row is None:
        return "not in the store" if message else "neither in the store nor on the stream"
    if message is None:
        return "missing from the stream"
    wanted = pack(row, head)
    headers = _without_batch(message.headers or {})
    wrong = sorted(name for name in headers.keys() | wanted.headers if headers.get(name) != wanted.headers.get(name))
    wrong += [name for name in ("subject", "data") if getattr(message, name) != getattr(wanted, name)]
    return f"other {', '.join(wrong)}" if wrong else None


def _without_batch(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith(_OF_THE_BATCH)}


async def _page(subscription: JetStreamContext.PullSubscription, most: int) -> list[Msg]:
    """Of several servers, one that came back just now may not know yet who answers: nothing is lost by asking again."""
    for pause in (0.1, 0.5, 1.0, 2.0):
        try:
            return await subscription.fetch(most, timeout=ANSWERED_WITHIN - 1)
        except ServiceUnavailableError:
            await asyncio.sleep(pause)
    return await subscription.fetch(most, timeout=ANSWERED_WITHIN - 1)


async def _pages(js: JetStreamContext, last: int) -> AsyncIterator[list[Msg]]:
    name = f"compare-{uuid4().hex}"
    config = ConsumerConfig(name=name, ack_policy=AckPolicy.NONE, inactive_threshold=60, mem_storage=True)
    pending = (await js.add_consumer(EVENTS, config)).num_pending or 0
    subscription = await js.pull_subscribe_bind(consumer=name, stream=EVENTS)
    try:
        while pending:
            page = await _page(subscription, min(PAGE, pending))
            pending = page[-1].metadata.num_pending
            inside = [message for message in page if message.metadata.sequence.stream <= last]
            if inside:
                yield inside
            if len(inside) < len(page):
                return
    finally:
        await subscription.unsubscribe()
        await js.delete_consumer(EVENTS, name)
