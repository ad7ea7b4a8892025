"""The tail of the stream: the relay's only checkpoint, believed only where the ledger holds the very same event."""

import asyncio
from typing import Final, NamedTuple

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.ledger import Head, Ledger, Row
from infra.published import NotAnEvent, origin, unpack
from infra.streams import EVENTS, foreign

REBUILD: Final = "run `vistory stream rebuild`"


class Diverged(Exception):
    """Stream and store do not tell the same story; going on would make it worse."""


class NoStream(Exception):
    """There is no stream EVENTS on the bus."""


class Tail(NamedTuple):
    position: int
    head: Head


async def read_tail(js: JetStreamContext, ledger: Ledger) -> Tail:
    """Where the stream ends, as its leader says, and the head of the ledger it is of. Raises Diverged, NoStream."""
    try:
        info = await js.stream_info(EVENTS)
    except NotFoundError as error:
        raise NoStream(f"there is no stream {EVENTS} on the bus: {REBUILD}") from error
    head = await asyncio.to_thread(ledger.head)
    if (why := foreign(info.config.metadata or {}, head)) is not None:
        raise Diverged(why)
    if info.state.last_seq:
        await _compare(js, ledger, head, info.state.last_seq)
    return Tail(info.state.last_seq, head)


async def _compare(js: JetStreamContext, ledger: Ledger, head: Head, last: int) -> None:
    try:
        message = await js.get_msg(EVENTS, seq=last)
    except NotFoundError as error:
        raise Diverged(f"message {last}, the stream's last, was deleted from it: {REBUILD}") from error
    try:
        found = unpack(message)
    except NotAnEvent as error:
        raise Diverged(f"message {last} on the stream is foreign ({error}): {REBUILD}") from error
    stored = await asyncio.to_thread(ledger.read, last - 1, 1)
    why = differs(found, origin(message), last, head, next(iter(stored), None))
    if why is not None:
        raise Diverged(f"{why}: {REBUILD}")


def differs(found: Row, source: tuple[str, str], sequence: int, head: Head, stored: Row | None) -> str | None:
    """In which way a message is not the event that the store holds at this place, if it is not."""
    if source != (str(head.ledger), str(head.generation)):
        return (
            f"message {sequence} is of ledger {source[0]}, generation {source[1]}; "
            f"the store is ledger {head.ledger}, generation {head.generation}"
        )
    if found.position != sequence:
        return f"message {sequence} says it is position {found.position}"
    if stored is None:
        return (
            f"the stream is ahead of the store, which ends at {head.position}: message {sequence} is not in it "
            "(after a restore from a backup, begin a new generation)"
        )
    if found != stored:
        fields = [name for name in Row._fields if getattr(found, name) != getattr(stored, name)]
        return f"position {sequence} differs between stream and store in {', '.join(fields)}"
    return None
