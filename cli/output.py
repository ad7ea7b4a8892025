"""How a command shows what it found: words and tables for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

# Embeddings, overrides and isolates of the bidirectional algorithm (Unicode Standard Annex 9, table 4).
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def show(data: Any, as_json: bool, words: Callable[[], str]) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, default=str) if as_json else legible(words()))


def legible(text: str) -> str:
    """Characters that steer a terminal or turn the direction of what follows are shown by their number."""
    return "".join(f"\\u{ord(each):04x}" if steers(each) else each for each in text)


def steers(character: str) -> bool:
    kind = unicodedata.bidirectional(character)
    return kind in TURNING or (unicodedata.category(character) == "Cc" and character not in "\n\t")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers stand to the right."""
    cells = [list(map(str, heads)), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(pad, row, widths)).rstrip() for row in cells)


def pad(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.replace(".", "", 1).isdigit() else cell.ljust(width)


def amount(count: float) -> str:
    """Bytes, as people say them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def rounded(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
