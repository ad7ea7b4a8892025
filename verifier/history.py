"""What is verified: a history as it claims to be, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID


class Event(NamedTuple):
    position: int
    micros: int
    aggregate: bytes
    version: int
    topic: str
    state: bytes
    chain: bytes


class Shared(NamedTuple):
    """Where others can read the very same history: a database, and the name of a snapshot of it."""

    url: str
    snapshot: str


class History(NamedTuple):
    """A ledger as it claims to be, and its events as they come."""

    ledger: UUID
    position: int
    chain: bytes
    events: Iterable[Event]
    shared: Shared | None = None


Receipt = tuple[int, str]
"""A position, and what the chain was there, in hex."""


class Broken(Exception):
    """The first place where history does not hold, and what is wrong there."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(position, what)
        self.position = position
        self.what = what

    def __str__(self) -> str:
        return f"position {self.position}: {self.what}"


@dataclass
class Verified:
    ledger: UUID
    chain: bytes
    events: int
    aggregates: dict[bytes, int] = field(repr=False)
    receipts: int
    """At how many positions they were borne out."""
