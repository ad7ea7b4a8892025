"""What is wrong with a request is told by the field and a sentence."""

from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from api.faults import fault
from tests.api.visitor import PASSWORD, Visitor

WHO: dict[str, Any] = {"full_name": "Ann", "password": PASSWORD, "company": "Acme", "division": "Vision"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "nobody"}, "email: must be an e-mail address"),
        ({}, "email: is missing"),
        ({"email": "a@b.example", "full_name": " "}, "full_name: must not be blank"),
        ({"email": "a@b.example", "full_name": 7}, "full_name: must be text"),
        ({"email": "a@b.example", "role": "admin"}, "role: is not known here"),
        ({"email": "a@b.example", "password": "too short"}, "password: must have at least 10 characters"),
        ({"email": "a" * 320 + "@b.example"}, "email: must have at most 320 characters"),
    ],
)
def test_a_field_that_cannot_be_as_it_is_is_named_with_a_sentence(
    stranger: Visitor, change: dict[str, Any], sentence: str
) -> None:
    assert stranger("POST", "/auth/register", WHO | change).json()["detail"] == sentence


def test_ids_and_names_of_models_are_told_in_their_form(ann: Visitor) -> None:
    body = {"project_id": "x", "dataset_id": ann.id, "framework": "No Such", "model": "tiny", "gpus": 2}
    answer = ann("POST", "/training-jobs", body).json()
    assert answer["detail"].split("; ") == [
        "project_id: must be an id (a UUID)",
        "framework: must be small letters, digits, - and _, 64 at most, with a letter or digit at each end",
        "gpus: must be at most 1",
    ]
    assert [fault["field"] for fault in answer["errors"]] == ["body.project_id", "body.framework", "body.gpus"]


class Every(BaseModel):
    text: Annotated[str, Field(min_length=3)] = ""
    number: Annotated[int, Field(ge=1, le=9)] = 1
    share: float = 1.0
    truth: bool = True
    list: tuple[int, ...] = ()
    object: dict[str, int] = {}
    time: AwareDatetime | None = None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": 1}, "must be text"),
        ({"text": "a"}, "must have at least 3 characters"),
        ({"number": "x"}, "must be a whole number"),
        ({"number": 0}, "must be at least 1"),
        ({"number": 10}, "must be at most 9"),
        ({"share": "x"}, "must be a number"),
        ({"truth": "maybe"}, "must be true or false"),
        ({"list": 1}, "must be a list"),
        ({"object": 1}, "must be an object"),
        ({"time": "soon"}, "must be a time with its zone, as 2026-01-02T03:04:05Z"),
        ({"time": "2026-01-02T03:04:05"}, "must be a time with its zone, as 2026-01-02T03:04:05Z"),
    ],
)
def test_what_a_value_must_be_is_said_as_people_say_it(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Every.model_validate(given)
    (error,) = raised.value.errors()
    assert fault(error).detail == sentence
