"""The kinds of value that events and commands are made of: bounded, storable, canonical."""

import math
import unicodedata
from typing import Annotated, Any, Final, Literal, TypeVar, Union

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, Strict, StringConstraints

LARGEST_INTEGER: Final = 2**53 - 1
_JOINERS: Final = "\u200c\u200d"
_VIRAMA: Final = 9
# Letters that show as nothing at all.
_FILLERS: Final = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# The signs of some scripts that stand around a number, and are seen.
_PREPENDED: Final = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"


class Value(BaseModel):
    """A frozen value: equal by content, refuses fields it does not know; its errors never quote what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Erased(Value):
    """What is left of a personal field whose key was destroyed."""

    erased: Literal[True] = True

    def __str__(self) -> str:
        return "[erased]"


T = TypeVar("T")
Personal = Union[T, Erased]  # noqa: UP007 (an alias with a type variable)
"""A field about a person: the value, or what is left once the person was erased."""


class About:
    """Marks a field as personal and names the field that holds its subject's person id."""

    def __init__(self, subject: str) -> None:
        self.subject = subject


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _one_line(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.strip()
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise ValueError("must not contain control characters or line breaks")
    return unicodedata.normalize("NFC", text).strip()


def _at_most(length: int) -> AfterValidator:
    """Once more: the normal form of a text may be longer than the text."""

    def short(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"must have {length} characters at most in Unicode's normal form NFC, and has {len(text)}")
        return text

    return AfterValidator(short)


def _not_blank(text: str) -> str:
    if not text:
        raise ValueError("must not be blank")
    return text


def _joins(before: str, after: str) -> bool:
    """Where a joiner is part of how a word is written (RFC 5892, appendix A), or of an emoji."""
    arabic = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    emoji = unicodedata.category(after) == "So" and (before == "\ufe0f" or unicodedata.category(before) in ("So", "Sk"))
    return unicodedata.combining(before) == _VIRAMA or arabic or emoji


def shows_itself(text: str) -> str:
    """Nothing in a name turns the words around it (Unicode Standard Annex 9), or makes two names look like one."""
    if text.isascii():
        return text
    for place, character in enumerate(text):
        if character in _JOINERS and 0 < place < len(text) - 1 and _joins(text[place - 1], text[place + 1]):
            continue
        if character in _FILLERS or (unicodedata.category(character) == "Cf" and character not in _PREPENDED):
            raise ValueError(
                f"must not contain invisible characters or such as turn directions (U+{ord(character):04X})"
            )
    return text


def _tagged(number: Any) -> Any:
    """JSON has no NaN and no infinities (RFC 8785 refuses them); a diverged loss is a word."""
    if isinstance(number, float) and not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return number


def _printable(text: Any) -> Any:
    """Programs print what they like: a line of theirs is cut and cleaned, never refused."""
    return text[:500].replace("\x00", "\ufffd") if isinstance(text, str) else text


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_storable)]
LogLine = Annotated[str, StringConstraints(max_length=500), BeforeValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_one_line), _at_most(1_000)]
Name = Annotated[
    str, StringConstraints(max_length=200), AfterValidator(_one_line), _at_most(200), AfterValidator(_not_blank)
]
PlainName = Annotated[Name, AfterValidator(shows_itself)]
"""A name that somebody gives now; what is stored was a Name, and stays one."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Token = Annotated[SecretStr, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Numbers and truths are themselves in JSON: 1 is not true, "1" is not 1, and 1.0 is no integer.
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=LARGEST_INTEGER)]
Finite = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Number = Annotated[
    Finite | Literal["NaN", "Infinity", "-Infinity"],
    BeforeValidator(_tagged),
]
Metrics = Annotated[dict[Line, Number], Field(max_length=200)]
Scalar = Flag | Annotated[int, Strict(), Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)] | Finite | Line
Parameters = Annotated[dict[Slug, Scalar], Field(max_length=100)]
ClassNames = Annotated[tuple[Name, ...], Field(max_length=2_000)]
