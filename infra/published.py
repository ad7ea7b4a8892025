"""An event as the bus carries it: CloudEvents in binary mode, the stored bytes unchanged (docs/events.md)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote
from uuid import UUID

from pydantic_core import from_json

from infra.ledger import Head, Row
from infra.mapper import Stored

PREFIX: Final = "vistory.events"
MESSAGE_ID: Final = "Nats-Msg-Id"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
# Topics whose messages end in one more token, by which a trainer finds its own: where that word stands in the data.
ROUTED_BY: Final = {"training_job.requested": ("recipe", "framework"), "training_job.requeued": ("framework",)}


class NotAnEvent(ValueError):
    """A message that the relay cannot have written."""


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
    return Published(_subject(row.stored, document), _headers(row, head, document["envelope"]), row.stored.state)


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
        raise NotAnEvent(f"this is no event of a ledger: {error!r}") from error


def origin(message: Message) -> tuple[str, str]:
    """The ledger and the generation that a message says it is of; empty where it says nothing."""
    headers = message.headers or {}
    return str(headers.get("ce-source", "")).rpartition("/")[2], str(headers.get("ce-generation", ""))


def message_id(head: Head, position: int) -> str:
    return f"{head.ledger}-{head.generation}-{position}"


def micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _subject(stored: Stored, document: Mapping[str, Any]) -> str:
    aggregate, _, event = stored.topic.partition(".")
    tokens = [str(document["envelope"]["organization"]), aggregate, str(stored.originator_id), event]
    if stored.topic in ROUTED_BY:
        tokens.append(_routing_key(document["data"], ROUTED_BY[stored.topic]))
    if not all(_TOKEN.fullmatch(token) for token in tokens):
        raise ValueError(f"{tokens} cannot be the tokens of a subject")
    return ".".join((PREFIX, *tokens))


def _routing_key(data: Any, path: tuple[str, ...]) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _headers(row: Row, head: Head, envelope: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": envelope["event"],
        "ce-source": f"/vistory/{head.ledger}",
        "ce-type": row.stored.topic,
        "ce-time": row.recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ce-subject": str(row.stored.originator_id),
        "ce-sequence": str(row.position),
        "ce-originatorversion": str(row.stored.originator_version),
        "ce-recordedat": str(micros(row.recorded_at)),
        "ce-chain": row.chain.hex(),
        "ce-generation": str(head.generation),
        MESSAGE_ID: message_id(head, row.position),
    }
    if envelope.get("traceparent"):
        headers["ce-traceparent"] = quote(envelope["traceparent"], safe="-")
    return headers
