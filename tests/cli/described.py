"""What docs/openapi.json says of a request: what stands in for the API takes no other."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema_rs import Draft202012Validator

from tests.test_layers import ROOT

Schema = Mapping[str, Any]
Problem = tuple[int, str]


def problem(method: str, path: str, body: bytes) -> Problem | None:
    """What is wrong with a request, with the status that the API answers then."""
    asked, _, query = path.partition("?")
    for shape, operations in described()["paths"].items():
        given = fitted(shape, asked)
        if given is not None and (operation := operations.get(method.lower())):
            wrong = [
                *unfit(operation, "path", given),
                *unfit(operation, "query", parse_qsl(query)),
                *unread(operation, body),
            ]
            return (422, f"{method} {asked}: {'; '.join(wrong)}") if wrong else None
    return 404, f"{method} {asked} is not described"


@cache
def described() -> dict[str, Any]:
    """Fixed paths first, as `/datasets/compare` is no dataset."""
    found: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return found | {"paths": dict(sorted(found["paths"].items(), key=lambda each: each[0].count("{")))}


def fitted(shape: str, path: str) -> list[tuple[str, str]] | None:
    """The parameters of a path of this shape."""
    parts = list(zip(shape.split("/"), path.split("/"), strict=False))
    if shape.count("/") != path.count("/") or any(a != b and not a.startswith("{") for a, b in parts):
        return None
    return [(a.strip("{}"), unquote(b)) for a, b in parts if a.startswith("{")]


def unfit(operation: Schema, where: str, given: Iterable[tuple[str, str]]) -> Iterator[str]:
    known = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == where}
    values: dict[str, list[str]] = {}
    for name, value in given:
        values.setdefault(name, []).append(value)
    yield from (f"{name} is not known" for name in values.keys() - known.keys())
    yield from (f"{name} is missing" for name, each in known.items() if each.get("required") and name not in values)
    for name in values.keys() & known.keys():
        schema = known[name]["schema"]
        found = [list(errors(schema, value)) for value in readings(schema, values[name])]
        yield from () if [] in found else (f"{name}: {error}" for error in found[0])


def readings(schema: Schema, values: list[str]) -> Iterator[Any]:
    """What a text in an address may stand for."""
    if schema.get("type") == "array":
        yield values
    elif schema.get("type") in ("integer", "number", "boolean"):
        yield json.loads(values[-1])
    else:
        yield values[-1]


def unread(operation: Schema, body: bytes) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        yield from errors(content["schema"], json.loads(body or b"null"))
    elif body not in (b"", b"{}"):
        yield f"no body is known, and {body!r} came"


def errors(schema: Schema, value: object) -> Iterator[str]:
    whole = {**schema, "components": described()["components"]}
    for error in Draft202012Validator(whole, validate_formats=True).iter_errors(value):
        yield str(error.message)
