"""The port to the ledger: what goes in, what comes out, and the verdicts in between."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from infra.mapper import Stored

NOW: Final = 2**63 - 1
"""No position is behind this one."""


class Append(NamedTuple):
    """One command's share of an append: its events, what it read, and its side rows."""

    command_id: UUID
    fingerprint: bytes
    result: Mapping[str, Any]
    events: Sequence[Stored]
    reads: Sequence[tuple[UUID, int]] = ()
    sides: Sequence[Mapping[str, Any]] = ()


class Verdict(NamedTuple):
    verdict: Literal["accepted", "repeated", "conflict", "taken", "too_large"]
    position: int
    chain: bytes
    fingerprint: bytes | None
    result: Mapping[str, Any]


class Head(NamedTuple):
    ledger: UUID
    generation: int
    position: int
    chain: bytes


class Row(NamedTuple):
    """An event in its place."""

    position: int
    recorded_at: datetime
    chain: bytes
    stored: Stored


class Ledger(Protocol):
    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        """Judge each command alone; what is accepted is durable when this returns."""
        ...

    def events_of(self, id: UUID, after: int = 0, limit: int | None = None, upto: int = NOW) -> list[Stored]:
        """Of one aggregate, in order, those behind a version, up to a position; the first `limit` of them."""
        ...

    def events_of_each(self, after: Mapping[UUID, int], limit: int, upto: int = NOW) -> dict[UUID, list[Stored]]:
        """The same of several aggregates, each behind its own version, as they were at one moment."""
        ...

    def command(self, id: UUID) -> Verdict | None:
        """What became of a command, if it was ever accepted."""
        ...

    def read(self, after: int, limit: int) -> list[Row]:
        """Events by position, without gaps."""
        ...

    def head(self) -> Head: ...

    def alone(self) -> "AbstractContextManager[Ledger]":
        """A ledger to read and to append to once, while everybody else's appends wait for what comes of it.

        What was appended is durable once it is left; leaving it raises OperationalError where that is not known.
        """
        ...
