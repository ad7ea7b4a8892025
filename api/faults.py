"""What is wrong with a request, field by field, in sentences instead of a validator's own words."""

import re
from collections.abc import Mapping
from functools import reduce
from typing import Any, Final, get_args

from pydantic import BaseModel

from domain.credentials import EMAIL
from domain.values import Sha256, Slug, Tag, Word


class FieldError(BaseModel):
    """One field of a request that cannot be as it is; what it held is not repeated."""

    field: str
    detail: str


def _pattern(of: Any) -> str:
    return str(get_args(of)[1].pattern)


_LETTERS: Final = "must begin with a letter or digit, and have letters, digits, {} alone, 100 at most"
_FORMS: Final = {
    EMAIL: "must be an e-mail address",
    _pattern(Sha256): "must be 64 hexadecimal digits",
    _pattern(Slug): "must be small letters, digits, - and _, 64 at most, with a letter or digit at each end",
    _pattern(Word): _LETTERS.format(". _ + -"),
    _pattern(Tag): _LETTERS.format(". _ : -"),
}
_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_pattern_mismatch": "does not have the form that it must have",
    "uuid_parsing": "must be an id (a UUID)",
    "uuid_type": "must be an id (a UUID)",
    "string_type": "must be text",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be an object"),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"),
        "must be a time with its zone, as 2026-01-02T03:04:05Z",
    ),
}
_PLAINER: Final = {
    "less than or equal to": "at most",
    "greater than or equal to": "at least",
    " after validation": "",
}
# Of text that was changed before it was measured, a validator speaks as of a list.
_LENGTHS: Final = {
    "too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} characters",
}
_SUBJECT: Final = re.compile(r"^(?:Value error, |\w+ should )")


def fault(error: Mapping[str, Any]) -> FieldError:
    return FieldError(field=".".join(map(str, error["loc"])), detail=_sentence(error))


def in_words(faults: list[FieldError]) -> str:
    """The first of them, without the part of the request that the field is in."""
    return "; ".join(f"{each.field.partition('.')[2] or each.field}: {each.detail}" for each in faults[:5])


def _sentence(error: Mapping[str, Any]) -> str:
    form = error.get("ctx", {}).get("pattern", "")
    if words := _FORMS.get(form) or _WORDS.get(error["type"]):
        return words
    if isinstance(error.get("input"), str) and (words := _LENGTHS.get(error["type"])):
        return words.format(**error["ctx"])
    said = _SUBJECT.sub(lambda begins: "must " if begins[0].endswith("should ") else "", str(error["msg"]))
    return reduce(lambda so_far, words: so_far.replace(*words), _PLAINER.items(), said)
