"""What people keep of a ledger: dumps, receipts, and heads."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from verifier.history import Broken, Event, History, Receipt

# An event has 256 KiB at most, and in JSON a character six times as many.
LONGEST = 2 * 1024 * 1024
WRONG = (ValueError, KeyError, TypeError, AttributeError)


class Unreadable(Exception):
    """What was named to be verified, or to verify by, is something else."""


@contextmanager
def dumped(file: Path) -> Iterator[History]:
    """A ledger in a file of JSON lines, as `dump` writes it: the head first, then an event a line."""
    with file.open("rb") as lines:
        try:
            head = json.loads(lines.readline(LONGEST))
            ledger, position, chain = UUID(head["ledger"]), int(head["position"]), bytes.fromhex(head["chain"])
        except WRONG as error:
            raise Unreadable(f"{file} is no dump of a ledger") from error
        yield History(ledger, position, chain, _events(lines))


def _events(lines: BinaryIO) -> Iterator[Event]:
    place = 0
    while line := lines.readline(LONGEST):
        try:
            event = _parse(json.loads(line))
        except WRONG as error:
            raise Broken(place + 1, "what stands there is no event") from error
        place = event.position
        yield event


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
        lines.write(json.dumps(head) + "\n")
        for event in history.events:
            readable = {
                "aggregate": str(UUID(bytes=event.aggregate)),
                "state": event.state.decode(),
                "chain": event.chain.hex(),
            }
            lines.write(json.dumps(event._asdict() | readable) + "\n")


def _head(file: Path) -> tuple[str, int, str]:
    try:
        with file.open("rb") as stream:
            head = json.loads(stream.read(LONGEST))
        return str(head["ledger"]), int(head["position"]), str(head["chain"])
    except WRONG as error:
        raise Unreadable(f"{file} is no head of a ledger") from error


def receipt(text: str) -> Receipt:
    """`position:chain`, also as an answer's headers give it (`ledger:position:chain`). Raises ValueError."""
    position, chain = text.split(":")[-2:]
    if len(bytes.fromhex(chain)) != 32:
        raise ValueError("a chain is 64 hexadecimal digits")
    return int(position), chain.lower()


def heads(folder: Path, ledger: UUID) -> list[Receipt]:
    """Those of this ledger among the heads in a folder. Raises Broken where there is none: it may be another ledger."""
    kept = map(_head, sorted(folder.rglob("*.json")))
    found = [(position, chain) for of, position, chain in kept if of == str(ledger)]
    if not found:
        raise Broken(0, f"this is ledger {ledger}, and no head of it is kept in {folder}")
    return found
