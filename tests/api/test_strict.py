"""What a body calls a number or a truth is one: "1" is not 1, 1 is not true, and 1.0 is no integer."""

from collections.abc import Iterator
from typing import Any

import pytest

import api
from api.edge import Body
from tests.api.visitor import Visitor


def every(kind: type[Body]) -> Iterator[type[Body]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


def lax(schema: Any) -> Iterator[str]:
    """The kinds of number that a schema of pydantic's takes in other guises."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool") and not schema.get("strict"):
            yield schema["type"]
        for name, part in schema.items():
            yield from () if name in ("metadata", "serialization") else lax(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from lax(part)


def test_no_body_takes_a_number_or_a_truth_in_another_guise() -> None:
    assert api.ROUTERS, "they are what imports every body"
    bodies = [each for each in every(Body) if each.__module__.startswith("api.")]
    assert len(bodies) > 20
    loose = {f"{each.__module__}.{each.__name__}": list(lax(each.__pydantic_core_schema__)) for each in bodies}
    assert {name: kinds for name, kinds in loose.items() if kinds} == {}, "see Flag, Count and Finite in domain.values"


@pytest.mark.parametrize("guise", ["5", True, 5.5, 5.0, [5]])
def test_a_number_in_another_guise_is_refused_where_it_stands(ann: Visitor, guise: Any) -> None:
    answer = ann("PATCH", "/organization", {"max_storage_gb": guise})
    assert answer.status_code == 422
    assert "max_storage_gb" in answer.text
    assert ann("PATCH", "/organization", {"max_storage_gb": 100}).is_success


@pytest.mark.parametrize("guise", [1, 0, "true", "no", 1.0])
def test_a_truth_in_another_guise_is_refused_where_it_stands(ann: Visitor, guise: Any) -> None:
    unknown = "/datasets/00000000-0000-7000-8000-000000000009/uploads/00000000-0000-7000-8000-000000000009/commit"
    answer = ann("POST", unknown, {"strict": guise})
    assert answer.status_code == 422
    assert "strict" in answer.text
    assert ann("POST", unknown, {"strict": True}).status_code == 404
