"""The description of the HTTP interface, made from the code."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import errors
from api.errors import Problem

TITLE = "Vistory"
DESCRIPTION = """A training platform for computer vision whose history is its database.

A command's answer carries a receipt: `Vistory-Position` (the place in the ledger that it reached) and `Vistory-Chain`.
A query that sends a position as `Vistory-Min-Position` waits until it can see it.

A command (an operation that lists the header `Idempotency-Key`) that is sent again under the same key within a day is
done only once, and the first answer is given again. Whoever sends it again must still be allowed to do it, unless it
was this very command that ended their right to it, as it does for somebody who leaves a project.

What goes wrong is told as a problem document (RFC 9457).
"""


def describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=TITLE, version="1", description=DESCRIPTION, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {}) | {"Problem": problem}
        for operations in document["paths"].values():
            for operation in operations.values():
                if "requestBody" in operation:
                    operation["responses"] |= {str(k): v for k, v in errors.responses(401, 408, 413).items()}
                for parameter in operation.get("parameters", []):
                    parameter["schema"] = _never_null(parameter["schema"])
        app.openapi_schema = document
    return app.openapi_schema


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A header or a part of an address can be left out, but cannot be null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return choices[0] | rest if len(choices) == 1 else schema
