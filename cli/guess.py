"""What somebody may have meant who mistyped a name: only what they can see anyway is guessed from."""

from collections.abc import Iterable
from itertools import islice

# Of more names than this a guess takes longer than the list that is named instead.
LOOKED_AT = 2_000
LONGEST = 200


def alike(word: str, names: Iterable[str]) -> list[str]:
    """Three at most, the likeliest first."""
    from difflib import get_close_matches

    cased = {name.casefold(): name for name in islice(names, LOOKED_AT)}
    return [cased[name] for name in get_close_matches(word.casefold()[:LONGEST], cased, n=3)]


def perhaps(word: str, names: Iterable[str]) -> str:
    """In words; nothing where nothing is like it."""
    found = alike(word, names)
    return f" (did you mean {' or '.join(map(repr, found))}?)" if found else ""
