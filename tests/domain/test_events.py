"""What holds for every shape that may ever be stored."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain import EVENTS
from domain.model import Envelope, Event
from domain.values import Erased
from infra.mapper import personal_fields

# `context` is sealed by the mapper itself, about the actor.
SEALED_BY_HAND = {"context"}


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def open_personal(kind: type[BaseModel], sealed: set[str], path: str = "") -> Iterator[str]:
    """Fields that may hold something personal and would be stored as they are."""
    for name, field in kind.model_fields.items():
        if name in sealed:
            continue
        for part in parts(field.annotation):
            if part is Erased:
                yield f"{path}{name}"
            elif isinstance(part, type) and issubclass(part, BaseModel) and part is not kind:
                yield from open_personal(part, set(), f"{path}{name}.")


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.TOPIC)
def test_nothing_personal_is_stored_open(kind: type[Event]) -> None:
    assert list(open_personal(kind, set(personal_fields(kind)))) == []


def test_the_envelope_holds_nothing_personal_but_its_context() -> None:
    assert list(open_personal(Envelope, SEALED_BY_HAND)) == []


def test_a_personal_field_that_nobody_seals_is_found() -> None:
    class Inner(BaseModel):
        nickname: str | Erased

    class Careless(BaseModel):
        who: Inner
        names: list[str | Erased]

    assert list(open_personal(Careless, set())) == ["who.nickname", "names"]


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.TOPIC)
def test_a_personal_field_names_its_subject(kind: type[Event]) -> None:
    assert set(personal_fields(kind).values()) <= set(kind.model_fields)
