"""The canonical form of JSON (RFC 8785), in which every state is stored: there is one way to write a value."""

import json
from decimal import Decimal
from typing import Any

from verifier.history import Broken, Event

_PARTS = {"data", "envelope"}
_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def check_canonical(event: Event) -> None:
    try:
        text = event.state.decode()
        value, end = _decode(text)
        canonical = end == len(text) and (_encode(value) == text or _canonical(value) == text)
    except ValueError as error:
        raise Broken(event.position, f"its state is not JSON: {error}") from error
    if not canonical:
        raise Broken(event.position, "its state is not in canonical form")
    if value.keys() != _PARTS:
        raise Broken(event.position, "its state is not {data, envelope}")


class _Float(str):
    """A number as it stands in the text, where Python would write it in another way."""


def _float(text: str) -> float | str:
    return value if repr(value := float(text)) == text and "e" not in text and text[-2:] != ".0" else _Float(text)


_decode = json.JSONDecoder(parse_float=_float).raw_decode


def _canonical(value: Any) -> str:
    """RFC 8785 where the quick way differs from it: names order by UTF-16, and numbers are written as in ECMAScript."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_encode(name)}:{_canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return _number(float(value)) if isinstance(value, float | _Float) else _encode(value)


def _number(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written = "".join(map(str, digits))
    return ("-" if sign and value else "") + _ecmascript(written, len(written) + int(exponent))


def _ecmascript(digits: str, point: int) -> str:
    """Number::toString: `digits` with the decimal point after the first `point` of them."""
    count = len(digits)
    if digits == "0":
        return "0"
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{point - 1:+d}"
    return digits[0] + ("." + digits[1:] if count > 1 else "") + exponent
