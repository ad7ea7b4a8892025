"""Passwords that anybody would try first: in the lists of those that leaked, or common words, however dressed up; and
those that are nothing without what everybody knows of whose they are.

The lists are those of zxcvbn. Its own estimate takes seconds for some texts, which anybody may send; looking words up
takes no time, whatever the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Final

from domain.credentials import FEWEST
from domain.errors import Invalid
from domain.values import Personal

_LETTERS: Final = str.maketrans("4@83€1!|0$57+2", "aabeeiilossttz")
_ROWS: Final = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv")
# Beside a common word, that is all that people add to one.
_TRIMMINGS: Final = re.compile(r"\W*(?:.{0,3}|(?:19|20)\d\d)\W*", re.DOTALL)
_WORDS: Final = re.compile(r"[^\W_]+")
_CORE: Final = re.compile(r"[\W\d_]*(.*?)[\W\d_]*", re.DOTALL)
FEWEST_DIFFERENT: Final = 5
PLATFORM: Final = "vistory"


class PasswordIsCommon(Invalid):
    pass


def refuse_common(password: str, about: Iterable[Personal[str]]) -> None:
    """`about` is what everybody knows of whose it is. Raises PasswordIsCommon."""
    if is_common(password, [each for each in about if isinstance(each, str)]):
        raise PasswordIsCommon(
            "this password is among those that are tried first: a common one, a common word, a row of keys, or one made"
            " of your own name or address, of your organization's name or the platform's; take another, like four words"
            " that have nothing to do with each other"
        )


def is_common(password: str, about: Iterable[str] = ()) -> bool:
    text = _plain(password)
    own = {_plain(part) for each in about for part in (each, *re.split(r"[\s@]+", each), *_WORDS.findall(each))}
    own = {each for word in own for each in (word, re.sub(r"\W", "", word)) if len(each) > 2}
    return (
        len(set(text)) < FEWEST_DIFFERENT
        or any(_is_dressed_up(form, own) for form in _undressed(text))
        or any(_is_nothing_without(form, own | {PLATFORM}) for form in (text, text.translate(_LETTERS)))
    )


def _is_nothing_without(text: str, known: set[str]) -> bool:
    """The longest of them first: a part of a name is no name of its own where the whole is there."""
    left = text
    for each in sorted(known, key=len, reverse=True):
        left = left.replace(each, "")
    # As many characters as any password has at least: what is known counts for none.
    return left != text and (len(re.sub(r"[\W_]", "", left)) < FEWEST or is_common(left))


def _undressed(text: str) -> Iterator[str]:
    for form in (text, text.translate(_LETTERS), re.sub(r"[\W_]", "", text)):
        yield form
        yield form[: (form + form).index(form, 1)]  # what it repeats


def _is_dressed_up(text: str, own: set[str]) -> bool:
    if _is_known(text, own):
        return True
    core = _CORE.fullmatch(text)
    assert core is not None, "it matches whatever there is"
    if not _is_known(core[1], own):
        return False
    return all(
        _TRIMMINGS.fullmatch(each) or _is_known(each, own) for each in (text[: core.start(1)], text[core.end(1) :])
    )


def _is_known(text: str, own: set[str]) -> bool:
    return text in own or text in _lists() or text[::-1] in _lists() or _is_a_row(text)


def _is_a_row(text: str) -> bool:
    """Of keys that are beside each other, or of characters that follow each other."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps in ({1}, {-1}) or any(text in each + each or text[::-1] in each + each for each in _ROWS)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


@cache
def _lists() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for words in FREQUENCY_LISTS.values() for word in words)
