"""The canonical form known again: texts of JSON that differ in nothing but plain strings and numbers are alike in it.

A string that needs no escape is written in one way only, and each number is looked at by itself; all else, names and
their order as well, must be to the letter what it was in a text that was taken apart and found canonical.
"""

import re
from operator import itemgetter
from typing import Any, NamedTuple

from verifier.canonical import check_canonical
from verifier.history import Event

MOST = 10_000
_ESCAPED = bytes(range(32)) + b"\\"
_NUMBER = re.compile(r"([-0-9][0-9.eE+-]*)")


class _Text(NamedTuple):
    """What stands between the strings, without its numbers; and strings and what is between them in turn."""

    frame: str
    parts: list[str]


class Shapes:
    """Those seen so far; so many are remembered, and whatever has another is taken apart."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}
        self._seen: set[tuple[str, Any]] = set()

    def check(self, event: Event) -> None:
        """Raises Broken."""
        text = _plain(event.state)
        if text and (names := self._names.get(text.frame)) and (text.frame, names(text.parts)) in self._seen:
            return
        check_canonical(event)
        if text and len(self._seen) < MOST:
            names = self._names.setdefault(text.frame, _names(text.frame))
            self._seen.add((text.frame, names(text.parts)))


def _plain(state: bytes) -> _Text | None:
    """None where a string is not plain, or a number perhaps not as it should be."""
    if len(state.translate(None, _ESCAPED)) != len(state):
        return None
    try:
        parts = state.decode().split('"')
        between = _NUMBER.split('"'.join(parts[::2]))
        return _Text("0".join(between[::2]), parts) if _as_they_should_be(between[1::2]) else None
    except ValueError:
        return None


def _as_they_should_be(numbers: list[str]) -> bool:
    whole, broken = [n for n in numbers if "." not in n], [n for n in numbers if "." in n]
    return (
        list(map(str, map(int, whole))) == whole
        and list(map(repr, map(float, broken))) == broken
        and not any("e" in number or number.endswith(".0") for number in broken)
    )


def _names(frame: str) -> Any:
    """Takes the names out of the parts of a text: the strings that a colon follows."""
    return itemgetter(*(2 * n - 1 for n, text in enumerate(frame.split('"')) if text.startswith(":")))
