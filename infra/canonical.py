"""Canonical JSON (RFC 8785): one way to write a value, so that its bytes can be hashed."""

import json
from types import NoneType
from typing import Any, Final

import rfc8785

_LARGEST: Final = 2**53 - 1
_C: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """By the standard library's encoder, several times faster, wherever it writes the same bytes."""
    return _C.encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Whether no key sorts otherwise in UTF-16 and no number is written otherwise in JavaScript."""
    kind = type(value)
    if kind in (str, bool, NoneType):
        return True
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(each) for key, each in value.items())
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is float:
        return bool(1e-4 <= abs(value) < 1e15 and value % 1)
    return kind is list and all(map(_is_plain, value))
