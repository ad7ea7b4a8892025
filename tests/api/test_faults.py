"""What is wrong with a request is told by the field and a sentence."""

from typing import Any

import pytest

from tests.api.visitor import PASSWORD, Visitor

WHO: dict[str, Any] = {"full_name": "Ann", "password": PASSWORD, "company": "Acme", "division": "Vision"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "nobody"}, "email: must be an e-mail address"),
        ({}, "email: is missing"),
        ({"email": "a@b.example", "full_name": " "}, "full_name: must not be blank"),
        ({"email": "a@b.example", "full_name": 7}, "full_name: must be a valid string"),
        ({"email": "a@b.example", "role": "admin"}, "role: is not known here"),
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
        "gpus: must be less than or equal to 1",
    ]
    assert [fault["field"] for fault in answer["errors"]] == ["body.project_id", "body.framework", "body.gpus"]
