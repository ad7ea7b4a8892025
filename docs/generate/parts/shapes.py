"""The fields of every event, as JSON schemas and in words: both are read off the classes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from domain import EVENTS
from domain.invitation import Invitation
from domain.model import Envelope
from domain.values import LARGEST_INTEGER, Erased
from infra.mapper import personal_fields

SEALED: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["subject", "key", "nonce", "ciphertext"],
    "properties": {
        "subject": {"type": "string", "format": "uuid"},
        "key": {"type": "integer", "minimum": 1},
        "nonce": {"type": "string", "contentEncoding": "base64"},
        "ciphertext": {"type": "string", "contentEncoding": "base64"},
    },
}
PLACE: Final = {"originator_id", "originator_version", "timestamp", "originator_topic"}
_ANCHOR: Final = "#/components/schemas/"


def schemas() -> dict[str, Any]:
    """One schema for the data of every topic, and for every value inside."""
    kinds = [(kind, "serialization") for kind in (*EVENTS.values(), Envelope, Erased)]
    references, shared = models_json_schema(kinds, ref_template=_ANCHOR + "{model}")  # type: ignore[arg-type]
    found = {name: _plain(schema) for name, schema in shared["$defs"].items()}
    # Two kinds that are alike to the letter are one schema.
    named = {kind: references[kind, "serialization"]["$ref"].removeprefix(_ANCHOR) for kind in EVENTS.values()}
    data = {topic: _data(topic, found[named[kind]], personal_fields(kind)) for topic, kind in EVENTS.items()}
    found = {name: schema for name, schema in found.items() if name not in named.values()}
    envelope = found.pop("Envelope")
    envelope["properties"]["context"] = {"anyOf": [sealed("actor.id", "[Client](#client)"), {"type": "null"}]}
    del found[references[Erased, "serialization"]["$ref"].removeprefix(_ANCHOR)]
    return {"data": data, "values": found | {"Sealed": SEALED}, "envelope": envelope}


def _data(topic: str, schema: dict[str, Any], personal: Mapping[str, str]) -> dict[str, Any]:
    """An invitation has a key of its own, as nobody need be behind the address."""
    whose = "invitation" if topic.startswith(Invitation.TOPIC) else "person"
    fields = {name: field for name, field in schema["properties"].items() if name not in PLACE}
    for name, subject in personal.items():
        inside, _ = fields[name]["anyOf"]
        fields[name] = sealed(subject, words(inside), whose)
    return schema | {"properties": fields, "required": list(fields)}


def sealed(subject: str, inside: str, whose: str = "person") -> dict[str, Any]:
    return {"$ref": _ANCHOR + "Sealed", "description": f"by the key of the {whose} `{subject}`; inside: {inside}"}


def _plain(schema: Any) -> Any:
    """Without the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _plain(field) for name, field in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if key != "title"
    }


def words(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_ANCHOR)
        about = f" {schema['description']}" if "description" in schema else ""
        return f"[{name}](#{name.lower()}){about}"
    if "anyOf" in schema:
        return " or ".join(words(part) for part in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    return "".join(_kind(schema))


def _kind(schema: dict[str, Any]) -> Iterator[str]:
    match schema.get("type"):
        case "string":
            yield schema.get("format", "text")
            if "maxLength" in schema:
                yield f", at most {schema['maxLength']} characters"
            if "pattern" in schema:
                yield f" `{schema['pattern']}`"
        case "integer" | "number" as kind:
            yield kind + _range(schema)
        case "array":
            yield f"at most {schema['maxItems']} of: {words(schema['items'])}"
        case "object":
            yield f"at most {schema['maxProperties']} pairs: {_pair(schema)}"
        case kind:
            yield str(kind)


def _pair(schema: dict[str, Any]) -> str:
    if "patternProperties" in schema:
        ((name, value),) = schema["patternProperties"].items()
        return f"`{name}` → {words(value)}"
    return f"{words({'type': 'string'} | schema.get('propertyNames', {}))} → {words(schema['additionalProperties'])}"


def _range(schema: dict[str, Any]) -> str:
    below = schema.get("exclusiveMaximum")
    ends = [schema.get("minimum"), schema.get("maximum") if below is None else below - 1]
    if ends == [None, None]:
        return ""
    low, high = ("2^53-1" if e == LARGEST_INTEGER else "-(2^53-1)" if e == -LARGEST_INTEGER else e for e in ends)
    return f" {'' if low is None else low}…{'' if high is None else high}"
