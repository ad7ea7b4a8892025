"""Goes through a history event by event, in pieces where that is quicker, and joins what was found."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from verifier.chain import genesis, leaf, link
from verifier.history import Broken, Event, History, Receipt, Verified
from verifier.shape import Shapes

BEFORE_ALL = -(2**63)
Owed = Mapping[int, set[str]]
"""What the chain must be where; two receipts of one position may contradict each other."""


class Span(NamedTuple):
    """Of one aggregate in a piece: its versions, and the position of the first of them."""

    first: int
    last: int
    position: int


class Piece(NamedTuple):
    """A stretch of history that holds in itself, behind a place whose chain was taken on trust."""

    after: int
    trusted: bytes
    last: int
    chain: bytes
    began: int
    ended: int
    aggregates: dict[bytes, Span]


def walk(ledger: UUID, after: int, trusted: bytes, events: Iterable[Event], owed: Owed) -> Piece:
    """Raises Broken at the first position that does not hold."""
    position, chain, began, micros, of = after, trusted, None, BEFORE_ALL, ledger.bytes
    aggregates: dict[bytes, Span] = {}
    check_canonical = Shapes().check
    for event in events:
        position += 1
        if event.position != position:
            raise Broken(position, f"missing; the next event is at position {event.position}")
        if (span := aggregates.get(event.aggregate)) is None:
            span = Span(event.version if after else 1, event.version - 1 if after else 0, position)
        if event.version != span.last + 1:
            raise _wrong_version(event.aggregate, position, event.version, span.last + 1)
        aggregates[event.aggregate] = Span(span.first, event.version, span.position)
        if event.micros < micros:
            raise Broken(position, "recorded before the event that it follows")
        check_canonical(event)
        chain = link(chain, leaf(of, event))
        if chain != event.chain:
            raise Broken(position, f"the chain is {event.chain.hex()}, recomputed {chain.hex()}")
        if position in owed:
            _check_receipts(position, chain, owed[position])
        micros = event.micros
        began = micros if began is None else began
    return Piece(after, trusted, position, chain, BEFORE_ALL if began is None else began, micros, aggregates)


def _wrong_version(aggregate: bytes, position: int, version: int, expected: int) -> Broken:
    return Broken(position, f"{UUID(bytes=aggregate)} is at version {version}, not {expected}")


def _check_receipts(position: int, chain: bytes, receipts: set[str]) -> None:
    for told in receipts - {chain.hex()}:
        raise Broken(position, f"the receipt says {told}, the chain is {chain.hex()}: history was edited")


def owing(receipts: Iterable[Receipt]) -> dict[int, set[str]]:
    owed: dict[int, set[str]] = {}
    for position, chain in receipts:
        owed.setdefault(position, set()).add(chain.lower())
    return owed


def joined(history: History, pieces: Iterable[Piece], owed: Owed) -> Verified:
    """Each piece must begin where and as the one before it ended. Raises Broken."""
    position, chain, micros = 0, genesis(history.ledger), BEFORE_ALL
    versions: dict[bytes, int] = {}
    for piece in pieces:
        if (piece.after, piece.trusted) != (position, chain) or piece.began < micros:
            raise Broken(position + 1, "it does not follow on what comes before it")
        for aggregate, span in piece.aggregates.items():
            if span.first != versions.get(aggregate, 0) + 1:
                raise _wrong_version(aggregate, span.position, span.first, versions.get(aggregate, 0) + 1)
            versions[aggregate] = span.last
        position, chain, micros = piece.last, piece.chain, piece.ended
    if (history.position, history.chain) != (position, chain):
        raise Broken(position, f"the head says position {history.position}, chain {history.chain.hex()}")
    if beyond := [at for at in owed if not 0 < at <= position]:
        raise Broken(min(beyond), f"there is a receipt for this position, and history ends at {position}")
    return Verified(history.ledger, chain, position, versions, len(owed))
