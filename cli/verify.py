"""Verifies a ledger from its first event. Shares no code with what wrote it: psycopg and the standard library only.

What is recomputed: every leaf and the chain over them, positions and versions without gaps, times that never go back,
the canonical form (RFC 8785) of every stored state, the head, and any receipt that somebody kept: `position:chain` of
an answer, or the heads that the platform writes to places outside the database.
"""

import argparse
import hashlib
import json
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

_EVENTS = (
    "SELECT notification_id, (extract(epoch FROM recorded_at) * 1000000)::bigint, originator_id, originator_version,"
    " topic, state, chain FROM ledger.events ORDER BY notification_id"
)
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Event(NamedTuple):
    position: int
    micros: int
    aggregate: bytes
    version: int
    topic: str
    state: bytes
    chain: bytes


class History(NamedTuple):
    """A ledger as it claims to be, and its events as they come."""

    ledger: UUID
    position: int
    chain: bytes
    events: Iterable[Event]


Receipt = tuple[int, str]
"""A position, and what the chain was there, in hex."""


class Broken(Exception):
    """The first place where history does not hold, and what is wrong there."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"position {position}: {what}")
        self.position = position
        self.what = what


@dataclass
class Verified:
    ledger: UUID
    chain: bytes
    events: int = 0
    aggregates: dict[bytes, int] = field(default_factory=dict, repr=False)
    receipts: int = 0
    """How many different ones were borne out."""
    micros: int = -(2**63)


def verify(history: History, receipts: Iterable[Receipt] = ()) -> Verified:
    """Raises Broken at the first position that does not hold."""
    owed = owing(receipts)
    found = Verified(history.ledger, genesis(history.ledger))
    for event in history.events:
        found.events += 1
        _check_order(found, event)
        _check_canonical(event)
        found.chain = link(found.chain, leaf(history.ledger.bytes, event))
        if found.chain != event.chain:
            raise Broken(event.position, f"the chain is {event.chain.hex()}, recomputed {found.chain.hex()}")
        if owed and event.position in owed:
            _check_receipts(found, event.position, owed.pop(event.position))
    _check_head(found, history, owed)
    return found


def _check_order(found: Verified, event: Event) -> None:
    if event.position != found.events:
        raise Broken(found.events, f"missing; the next event is at position {event.position}")
    expected = found.aggregates.get(event.aggregate, 0) + 1
    if event.version != expected:
        raise Broken(event.position, f"{UUID(bytes=event.aggregate)} is at version {event.version}, not {expected}")
    found.aggregates[event.aggregate] = expected
    if event.micros < found.micros:
        raise Broken(event.position, "recorded before the event that it follows")
    found.micros = event.micros


def owing(receipts: Iterable[Receipt]) -> dict[int, set[str]]:
    """What the chain must be where; two receipts of one position may contradict each other."""
    owed: dict[int, set[str]] = {}
    for position, chain in receipts:
        owed.setdefault(position, set()).add(chain.lower())
    return owed


def _check_receipts(found: Verified, position: int, chains: set[str]) -> None:
    for chain in chains - {found.chain.hex()}:
        raise Broken(position, f"the receipt says {chain}, the chain is {found.chain.hex()}: history was edited")
    found.receipts += 1


def _check_head(found: Verified, history: History, owed: Mapping[int, set[str]]) -> None:
    if (history.position, history.chain) != (found.events, found.chain):
        raise Broken(found.events, f"the head says position {history.position}, chain {history.chain.hex()}")
    if owed:
        raise Broken(min(owed), f"there is a receipt for this position, and history ends at {found.events}")


def _check_canonical(event: Event) -> None:
    try:
        text = event.state.decode()
        value = _decode(text)
        canonical = _encode(value) == text or _canonical(value) == text
    except ValueError as error:
        raise Broken(event.position, f"its state is not JSON: {error}") from error
    if not canonical:
        raise Broken(event.position, "its state is not in canonical form")
    if value.keys() != {"data", "envelope"}:
        raise Broken(event.position, "its state is not {data, envelope}")


class _Float(str):
    """A number as it stands in the text, where Python would write it in another way."""


def _float(text: str) -> float | str:
    return value if repr(value := float(text)) == text and "e" not in text and text[-2:] != ".0" else _Float(text)


_decode = json.JSONDecoder(parse_float=_float).decode


def _canonical(value: Any) -> str:
    """RFC 8785 where the quick way differs from it: names order by UTF-16, and numbers are written as in ECMAScript."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_encode(name)}:{_canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return _number(float(value)) if isinstance(value, float | _Float) else _encode(value)


def _number(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written = "".join(map(str, digits))
    return ("-" if sign and value else "") + _ecmascript(written, len(written) + int(exponent))


def _ecmascript(digits: str, point: int) -> str:
    """Number::toString: `digits` with the decimal point after the first `point` of them."""
    count = len(digits)
    if digits == "0":
        return "0"
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{point - 1:+d}"
    return digits[0] + ("." + digits[1:] if count > 1 else "") + exponent


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


@contextmanager
def stored(url: str) -> Iterator[History]:
    """A ledger in PostgreSQL, as it stands at this moment."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        head = connection.execute("SELECT ledger, position, chain FROM ledger.head").fetchone()
        if head is None:
            raise Broken(0, "the ledger has no head")
        with connection.cursor(name="verify", row_factory=psycopg.rows.tuple_row) as cursor:
            cursor.itersize = 5_000
            yield History(head[0], head[1], head[2], (_event(row) for row in cursor.execute(_EVENTS, binary=True)))


def _event(row: tuple[Any, ...]) -> Event:
    position, micros, aggregate, version, topic, state, chain = row
    return Event(position, micros, aggregate.bytes, version, topic, state, chain)


@contextmanager
def dumped(file: Path) -> Iterator[History]:
    """A ledger in a file of JSON lines, as `dump` writes it: the head first, then an event a line."""
    with file.open(encoding="utf-8") as lines:
        head = json.loads(next(lines))
        yield History(
            UUID(head["ledger"]), head["position"], bytes.fromhex(head["chain"]), map(_parse, map(json.loads, lines))
        )


def _parse(line: Mapping[str, Any]) -> Event:
    return Event(
        line["position"],
        line["micros"],
        UUID(line["aggregate"]).bytes,
        line["version"],
        line["topic"],
        line["state"].encode(),
        bytes.fromhex(line["chain"]),
    )


def dump(history: History, file: Path) -> None:
    with file.open("w", encoding="utf-8") as lines:
        head = {"ledger": str(history.ledger), "position": history.position, "chain": history.chain.hex()}
        lines.write(_encode(head) + "\n")
        for event in history.events:
            readable = {
                "aggregate": str(UUID(bytes=event.aggregate)),
                "state": event.state.decode(),
                "chain": event.chain.hex(),
            }
            lines.write(_encode(event._asdict() | readable) + "\n")


def receipt(text: str) -> Receipt:
    """`position:chain`, also as an answer's headers give it (`ledger:position:chain`)."""
    position, chain = text.split(":")[-2:]
    return int(position), chain


def heads(folder: Path, ledger: UUID) -> list[Receipt]:
    """Those of this ledger among the heads in a folder. Raises Broken where there is none: it may be another ledger."""
    kept = [json.loads(file.read_bytes()) for file in sorted(folder.rglob("*.json"))]
    found = [(head["position"], head["chain"]) for head in kept if head["ledger"] == str(ledger)]
    if not found:
        raise Broken(0, f"this is ledger {ledger}, and no head of it is kept in {folder}")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cli.verify", description=__doc__)
    parser.add_argument("--file", type=Path, help="a dump to verify; else the database VISTORY_DATABASE_URL names")
    parser.add_argument("--dump", type=Path, help="write the history to this file instead of verifying it")
    parser.add_argument("--heads", type=Path, help="a folder of heads that were kept outside the database")
    parser.add_argument("receipts", nargs="*", type=receipt, metavar="position:chain")
    asked = parser.parse_args(arguments)
    try:
        with dumped(asked.file) if asked.file else stored(os.environ["VISTORY_DATABASE_URL"]) as history:
            if asked.dump:
                dump(history, asked.dump)
            else:
                kept = heads(asked.heads, history.ledger) if asked.heads else []
                found = verify(history, [*asked.receipts, *kept])
                sys.stdout.write(f"verified {found.events} events; chain {found.chain.hex()}\n")
    except Broken as broken:
        sys.stderr.write(f"history does not hold: {broken}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
