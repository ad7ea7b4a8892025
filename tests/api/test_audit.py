"""The audit log over HTTP: what it may be asked for."""

import pytest

from projections.audit_words import EVERY_ACTION, EVERY_TYPE
from tests.api.visitor import Visitor


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("organization?action=uploaded", EVERY_ACTION),
        ("organization?action=", EVERY_ACTION),
        ("me?entity_type=dataset%73s", EVERY_TYPE),
        ("entity/datasets/00000000-0000-0000-0000-000000000001", EVERY_TYPE),
    ],
)
def test_what_was_never_done_to_anything_is_refused_with_all_that_is(
    ann: Visitor, query: str, known: list[str]
) -> None:
    answer = ann("GET", f"/audit/{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(f"; there are: {', '.join(known)}")
