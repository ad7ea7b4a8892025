"""The chain: each event hashed with its place (a leaf), each leaf hashed with the link before it (docs/events.md)."""

import hashlib
import struct
from uuid import UUID

from verifier.history import Event


def _field(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


_LINK = _field(b"vistory/chain/1")
_LEAF = _field(b"vistory/leaf/1")
_EIGHT = struct.pack(">i", 8)
_SIXTEEN = struct.pack(">i", 16)
_THIRTY_TWO = struct.pack(">i", 32)
_PLACE = struct.Struct(">4sq4s16s4sq")


def genesis(ledger: UUID) -> bytes:
    return hashlib.sha256(_field(b"vistory/genesis/1") + _field(ledger.bytes)).digest()


def leaf(ledger: bytes, event: Event) -> bytes:
    """What is known of one event, hashed. Each field is preceded by its length (int4, big-endian)."""
    place = _PLACE.pack(_EIGHT, event.position, _SIXTEEN, event.aggregate, _EIGHT, event.version)
    moment = _EIGHT + struct.pack(">q", event.micros)
    content = _THIRTY_TWO + hashlib.sha256(event.state).digest()
    known = _LEAF + _SIXTEEN + ledger + place + _field(event.topic.encode()) + moment + content
    return hashlib.sha256(known).digest()


def link(previous: bytes, of: bytes) -> bytes:
    return hashlib.sha256(_LINK + _THIRTY_TWO + previous + _THIRTY_TWO + of).digest()
