"""How a command shows what it found: words and tables for people, JSON for programs."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from unicodedata import combining, east_asian_width

import typer

from cli.exits import Stop
from cli.hint import completed

# Control characters; embeddings, overrides and isolates of the bidirectional algorithm (Unicode Standard Annex 9,
# table 4); halves of characters, which stand for bytes that are no text.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def show(data: Any, as_json: bool, words: Callable[[], str]) -> None:
    tell(data) if as_json else say(words())


def tell(data: Any) -> None:
    """To a program."""
    _print(as_line(data))


def say(text: str) -> None:
    _print(completed(text))


def complain(text: str) -> None:
    _print(completed(text), err=True)


def _print(text: str, *, err: bool = False) -> None:
    """Raises Stop where there is no room for it; a pipe that nobody reads any more ends the command in silence."""
    try:
        typer.echo(legible(text), err=err)
    except BrokenPipeError:
        raise
    except OSError as error:
        if not err:
            leave_the_rest()
        raise Stop(f"what is found cannot be written: {error.strerror}") from error


def leave_the_rest() -> None:
    """What is still to be written to standard output goes nowhere: at the end it would fail once more, and Python would
    end with a status of its own.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def busy(text: str) -> None:
    """What a command is at that says nothing for a while: to a person who waits, and to nobody else."""
    if sys.stderr.isatty():
        complain(f"{text} ...")


def as_line(data: Any) -> str:
    """JSON in one line; what `legible` does to it is an escape of JSON, too."""
    return json.dumps(data, ensure_ascii=not _takes_any_letter(), default=str)


def _takes_any_letter() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def legible(text: str) -> str:
    """Characters that steer a terminal, turn the direction of what follows or are none are shown by their number."""
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers stand to the right."""
    cells = [list(map(str, heads)), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(pad, row, widths)).rstrip() for row in cells)


def facts(found: Mapping[str, object]) -> str:
    """One below the other, each beside what it is called."""
    widest = max(map(width, found))
    return "\n".join(f"{name}{' ' * (widest - width(name))}  {value}".rstrip() for name, value in found.items())


def pad(cell: str, wide: int) -> str:
    blanks = " " * (wide - width(cell))
    return blanks + cell if cell.replace(".", "", 1).isdigit() else cell + blanks


def width(text: str) -> int:
    """How many columns a terminal gives it: two for a letter of Korean, none for an accent that stands over another."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def amount(count: float) -> str:
    """Bytes, as people say them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def moment(iso: str) -> str:
    """A time as the API tells it, to the second."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def one(word: str) -> str:
    """With its article."""
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


def rounded(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
