"""Writes docs/events.md and docs/asyncapi.json from the code; with --check, says whether they are current."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from parts.causes import causes  # noqa: E402
from parts.shapes import schemas, words  # noqa: E402
from parts.worked import worked  # noqa: E402

from infra.published import ROUTED_BY  # noqa: E402

_ESCAPED_BAR = "\\|"


def page(shapes: dict[str, Any]) -> str:
    text = (Path(__file__).parent / "parts" / "events.md").read_text(encoding="utf-8")
    parts = worked(ROOT) | {
        "envelope": table(shapes["envelope"]),
        "topics": "\n".join(topic(name, schema) for name, schema in shapes["data"].items()).rstrip(),
        "values": "\n".join(value(name, schema) for name, schema in sorted(shapes["values"].items())).rstrip(),
    }
    for name, part in parts.items():
        text = text.replace("{" + name + "}", part)
    return text


def topic(name: str, schema: dict[str, Any]) -> str:
    about = f"{schema['description']}\n\n" if "description" in schema else ""
    return f"### {name}\n\n{about}By {causes(name)}.\n\n{table(schema)}\n"


def value(name: str, schema: dict[str, Any]) -> str:
    about = f"{schema['description']}\n\n" if "description" in schema else ""
    shape = table(schema) if "properties" in schema else words(schema)
    return f"### {name}\n\n{about}{shape}\n"


def table(schema: dict[str, Any]) -> str:
    rows = "\n".join(f"| `{name}` | {in_a_cell(field)} |" for name, field in schema["properties"].items())
    return f"| Field | What it is |\n|---|---|\n{rows}"


def in_a_cell(field: dict[str, Any]) -> str:
    told = words(field).replace("|", _ESCAPED_BAR)
    return told.replace("[Sealed](#sealed)", "[sealed](#sealed)")


def asyncapi(shapes: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace(".", "_"): (name, schema) for name, schema in shapes["data"].items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vistory events",
            "version": "1.0.0",
            "description": "Every event of the ledger; see events.md.",
        },
        "defaultContentType": "application/json",
        "channels": {key: channel(key, name) for key, (name, _) in named.items()},
        "operations": {
            f"receive_{key}": {"action": "receive", "channel": {"$ref": f"#/channels/{key}"}} for key in named
        },
        "components": {
            "messages": {key: message(name, schema) for key, (name, schema) in named.items()},
            "schemas": shapes["values"] | {"Envelope": shapes["envelope"]},
        },
    }


def channel(key: str, name: str) -> dict[str, Any]:
    aggregate, _, event = name.partition(".")
    routed = name in ROUTED_BY
    return {
        "address": f"vistory.events.{{organization}}.{aggregate}.{{id}}.{event}" + (".{framework}" if routed else ""),
        "parameters": dict(parameters(routed)),
        "messages": {key: {"$ref": f"#/components/messages/{key}"}},
    }


def parameters(routed: bool) -> Iterator[tuple[str, dict[str, str]]]:
    yield "organization", {"description": "the organization's id, or `platform`"}
    yield "id", {"description": "the aggregate's id"}
    if routed:
        yield "framework", {"description": "the framework that is asked to train"}


def message(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    payload = {
        "type": "object",
        "additionalProperties": False,
        "required": ["data", "envelope"],
        "properties": {"data": schema, "envelope": {"$ref": "#/components/schemas/Envelope"}},
    }
    return {"name": name, "contentType": "application/json", "summary": f"By {causes(name)}.", "payload": payload}


def main() -> int:
    shapes = schemas()
    described = json.dumps(asyncapi(shapes), indent=1, ensure_ascii=False) + "\n"
    stale = 0
    for file, current in {"events.md": page(shapes), "asyncapi.json": described}.items():
        place = ROOT / "docs" / file
        if "--check" not in sys.argv:
            place.write_text(current, encoding="utf-8")
        elif not place.exists() or place.read_text(encoding="utf-8") != current:
            stale = 1
            sys.stderr.write(f"docs/{file} is not current; run: python {Path(__file__).relative_to(ROOT)}\n")
    return stale


if __name__ == "__main__":
    sys.exit(main())
