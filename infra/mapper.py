"""Events to bytes and back: canonical JSON of {data, envelope}, personal fields sealed (docs/events.md)."""

import base64
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import from_json

from domain import EVENTS
from domain.model import Envelope, Event, InitialEvent, Recorded
from domain.values import About, Erased
from infra.canonical import canonical
from infra.keys import Keyring, Sealed

LARGEST_STATE: Final = 256 * 1024
_NOT_DATA: Final = {"originator_id", "originator_version", "timestamp", "originator_topic"}


class StateTooLarge(ValueError):
    pass


class Stored(NamedTuple):
    """An event as the table holds it."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


@cache
def personal_fields(kind: type[BaseModel]) -> dict[str, str]:
    """Which fields are personal, and which field names their subject."""
    marks = ((name, mark) for name, field in kind.model_fields.items() for mark in field.metadata)
    return {name: mark.subject for name, mark in marks if isinstance(mark, About)}


class Mapper:
    def __init__(self, ledger: UUID, keyring: Keyring) -> None:
        self.ledger = ledger
        self._keyring = keyring

    def encode(self, event: Event, envelope: Envelope) -> Stored:
        """Canonical bytes (RFC 8785). Reads its own bytes back first: what is stored must load."""
        topic = _topic(event)
        data = event.model_dump(mode="json", exclude=_NOT_DATA)
        for name, subject in personal_fields(type(event)).items():
            data[name] = self._seal(data[name], getattr(event, subject), event, topic, name)
        head = envelope.model_dump(mode="json")
        if envelope.context is not None:
            head["context"] = self._seal(head["context"], envelope.actor.id, event, topic, "envelope.context")
        state = canonical({"data": data, "envelope": head})
        if len(state) > LARGEST_STATE:
            raise StateTooLarge(f"{topic} is {len(state)} bytes long; {LARGEST_STATE} is the limit")
        stored = Stored(event.originator_id, event.originator_version, topic, state)
        if not all(_alike(*pair) for pair in zip(self.decode(stored), (event, envelope), strict=True)):
            raise ValueError(f"{topic} does not read back as it was written")
        return stored

    def decode(self, stored: Stored) -> tuple[Event, Envelope]:
        document = from_json(stored.state)
        head = dict(document["envelope"])
        if head["context"] is not None:
            head["context"] = self._open(head["context"], stored, "envelope.context")
        envelope = Envelope.model_validate(head)
        kind = EVENTS[stored.topic]
        data = kind.upcast(dict(document["data"]), envelope.schema_version)
        for name in personal_fields(kind):
            data[name] = self._open(data[name], stored, name)
        data |= {
            "originator_id": stored.originator_id,
            "originator_version": stored.originator_version,
            "timestamp": envelope.decided_at,
        }
        if issubclass(kind, InitialEvent):
            data["originator_topic"] = stored.topic.partition(".")[0]
        return kind.model_validate(data), envelope

    def recorded(self, stored: Stored, position: int, recorded_at: datetime) -> Recorded:
        event, envelope = self.decode(stored)
        return Recorded.model_construct(
            position=position, recorded_at=recorded_at, topic=stored.topic, event=event, envelope=envelope
        )

    def _seal(self, value: Any, subject: UUID, event: Event, topic: str, path: str) -> dict[str, Any]:
        about = self._about(event.originator_id, event.originator_version, topic, path, subject)
        sealed = self._keyring.seal(subject, canonical(value), about)
        return {
            "subject": str(subject),
            "key": sealed.version,
            "nonce": base64.b64encode(sealed.nonce).decode(),
            "ciphertext": base64.b64encode(sealed.ciphertext).decode(),
        }

    def _open(self, field: dict[str, Any], stored: Stored, path: str) -> Any:
        subject = UUID(field["subject"])
        about = self._about(stored.originator_id, stored.originator_version, stored.topic, path, subject)
        sealed = Sealed(field["key"], base64.b64decode(field["nonce"]), base64.b64decode(field["ciphertext"]))
        plaintext = self._keyring.open(subject, sealed, about)
        return Erased() if plaintext is None else from_json(plaintext)

    def _about(self, id: UUID, version: int, topic: str, path: str, subject: UUID) -> bytes:
        """Associated data: a sealed field is good in its own place only."""
        return canonical(["vistory/sealed/1", str(self.ledger), str(id), version, topic, path, str(subject)])


def _alike(read: BaseModel, written: BaseModel) -> bool:
    """Equal but for what is about an erased person."""
    if read == written:
        return True
    erased = {name: Erased() for name in type(read).model_fields if isinstance(getattr(read, name), Erased)}
    return read == written.model_copy(update=erased)


def _topic(event: Event) -> str:
    topic: str = type(event).TOPIC  # type: ignore[attr-defined]
    return topic
