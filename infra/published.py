"""An event as the bus carries it: CloudEvents in binary mode, the stored bytes unchanged (docs/events.md)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote
from uuid import UUID

from pydantic_core import from_json

from infra.ledger import Head, Row
from infra.mapper import Stored
from infra.redaction import in_short

PREFIX: Final = "vistory.events"
MESSAGE_ID: Final = "Nats-Msg-Id"
TRACE: Final = "ce-traceparent"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PLAIN: Final = re.compile(r"vistory\.events(\.[A-Za-z0-9_-]+){4}")
_ROUTED: Final = re.compile(r"vistory\.events(\.[A-Za-z0-9_-]+){5}")
# Topics whose messages end in one more token, by which a trainer finds its own: where that word stands in the data.
ROUTED_BY: Final = {"training_job.requested": ("recipe", "framework"), "training_job.requeued": ("framework",)}


class NotAnEvent(ValueError):
    """A message that the relay cannot have written."""


class ForeignEvent(RuntimeError):
    """An event of another ledger, or of another generation of this one: nobody here may act on it."""


class Published(NamedTuple):
    subject: str
    headers: dict[str, str]
    data: bytes


class Message(Protocol):
    """What nats-py gives, delivered or read from a stream."""

    @property
    def headers(self) -> Any: ...

    @property
    def data(self) -> Any: ...


def pack(row: Row, head: Head) -> Published:
    """The message of a row; `head` says of which ledger and generation it is."""
    document = from_json(row.stored.state)
    id = str(row.stored.originator_id)
    return Published(
        _subject(row.stored.topic, id, document), _headers(row, id, head, document["envelope"]), row.stored.state
    )


def unpack(message: Message) -> Row:
    """The row of a message. Raises NotAnEvent."""
    headers: Mapping[str, str] = message.headers or {}
    try:
        return Row(
            int(headers["ce-sequence"]),
            _EPOCH + int(headers["ce-recordedat"]) * _MICROSECOND,
            bytes.fromhex(headers["ce-chain"]),
            Stored(UUID(headers["ce-subject"]), int(headers["ce-originatorversion"]), headers["ce-type"], message.data),
        )
    except (KeyError, ValueError) as error:
        raise NotAnEvent(f"this is no event of a ledger: {in_short(error)}") from error


def origin(message: Message) -> tuple[str, str]:
    """The ledger and the generation that a message says it is of; empty where it says nothing."""
    headers = message.headers or {}
    return str(headers.get("ce-source", "")).rpartition("/")[2], str(headers.get("ce-generation", ""))


class HasHead(Protocol):
    def head(self) -> Head: ...


class Origins:
    """Lets pass what is of the ledger as it is now; it may have begun a generation since it was last looked at."""

    def __init__(self, ledger: HasHead) -> None:
        self._ledger = ledger
        self._known: tuple[str, str] | None = None

    def check(self, message: Message) -> None:
        """Raises ForeignEvent, and whatever keeps the ledger from being read."""
        found = origin(message)
        if found != self._known:
            head = self._ledger.head()
            self._known = str(head.ledger), str(head.generation)
        if found != self._known:
            raise ForeignEvent(
                f"it is of ledger {found[0]}, generation {found[1]}, not of {self._known[0]}, {self._known[1]}"
            )


def micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _subject(topic: str, id: str, document: Mapping[str, Any]) -> str:
    subject = f"{PREFIX}.{document['envelope']['organization']}.{topic.replace('.', f'.{id}.')}"
    if topic in ROUTED_BY:
        subject += f".{_routing_key(document['data'], ROUTED_BY[topic])}"
    if not (_ROUTED if topic in ROUTED_BY else _PLAIN).fullmatch(subject):
        raise ValueError(f"{subject} cannot be a subject")
    return subject


@cache
def _text(id: UUID) -> str:
    return str(id)


def _routing_key(data: Any, path: tuple[str, ...]) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _headers(row: Row, id: str, head: Head, envelope: Mapping[str, Any]) -> dict[str, str]:
    ledger = _text(head.ledger)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": envelope["event"],
        "ce-source": f"/vistory/{ledger}",
        "ce-type": row.stored.topic,
        "ce-time": row.recorded_at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
        "ce-subject": id,
        "ce-sequence": str(row.position),
        "ce-originatorversion": str(row.stored.originator_version),
        "ce-recordedat": str(micros(row.recorded_at)),
        "ce-chain": row.chain.hex(),
        "ce-generation": str(head.generation),
        MESSAGE_ID: f"{ledger}-{head.generation}-{row.position}",
    }
    if envelope.get("traceparent"):
        headers[TRACE] = quote(envelope["traceparent"], safe="-")
    return headers
