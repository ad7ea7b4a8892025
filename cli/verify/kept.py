"""What people keep of a ledger: dumps, receipts, and heads."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from cli.verify.history import Broken, Event, History, Receipt


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
        lines.write(json.dumps(head) + "\n")
        for event in history.events:
            readable = {
                "aggregate": str(UUID(bytes=event.aggregate)),
                "state": event.state.decode(),
                "chain": event.chain.hex(),
            }
            lines.write(json.dumps(event._asdict() | readable) + "\n")


def receipt(text: str) -> Receipt:
    """`position:chain`, also as an answer's headers give it (`ledger:position:chain`). Raises ValueError."""
    position, chain = text.split(":")[-2:]
    if len(bytes.fromhex(chain)) != 32:
        raise ValueError("a chain is 64 hexadecimal digits")
    return int(position), chain.lower()


def heads(folder: Path, ledger: UUID) -> list[Receipt]:
    """Those of this ledger among the heads in a folder. Raises Broken where there is none: it may be another ledger."""
    kept = [json.loads(file.read_bytes()) for file in sorted(folder.rglob("*.json"))]
    found = [(head["position"], head["chain"]) for head in kept if head["ledger"] == str(ledger)]
    if not found:
        raise Broken(0, f"this is ledger {ledger}, and no head of it is kept in {folder}")
    return found
