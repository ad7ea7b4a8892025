"""What is refused at the edge, with nothing behind it."""

import json
import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from api import create_app
from api.audit import Filters
from infra.config import Settings
from infra.logs import Lines
from tests.api.visitor import PREFIX, good

NAME = "ann@example.org"


@pytest.fixture
def bare() -> TestClient:
    return TestClient(create_app(Settings()))


@pytest.mark.parametrize("body", [b"\xff{}", b"{", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused_as_such(bare: TestClient, body: bytes) -> None:
    answer = bare.post(f"{PREFIX}/auth/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:vistory:problem:request-is-invalid"


def test_another_bad_request_says_itself_what_is_wrong() -> None:
    app = create_app(Settings())

    @app.get("/odd")
    def odd() -> None:
        raise HTTPException(400, "the moon is in the wrong place")

    answer = TestClient(app).get("/odd")
    assert (answer.status_code, answer.json()["detail"]) == (400, "the moon is in the wrong place")


def test_what_nobody_foresaw_is_found_in_the_log_by_its_request_and_quotes_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(Settings())

    @app.get("/odd")
    def odd() -> None:
        raise KeyError(NAME)

    caplog.handler.setFormatter(Lines("api"))
    answer = TestClient(app, raise_server_exceptions=False).get(f"/odd?q={NAME}")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:vistory:problem:internal-error")
    told = [json.loads(line) for line in caplog.text.splitlines()]
    (found,) = [each for each in told if each.get("request") == answer.json()["instance"].removeprefix("urn:uuid:")]
    assert found["message"].startswith("the request failed: KeyError")
    assert "in odd" in found["exception"]
    assert NAME not in caplog.text + answer.text


def test_a_wrong_method_is_told_every_right_one(bare: TestClient) -> None:
    answer = bare.put(f"{PREFIX}/projects/00000000-0000-0000-0000-000000000001")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PATCH, DELETE")


def test_the_name_of_an_operation_is_no_id(bare: TestClient) -> None:
    answer = bare.get(f"{PREFIX}/datasets/analyze")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_parameter_is_described_as_null(bare: TestClient) -> None:
    paths: dict[str, Any] = good(bare.get("/openapi.json")).json()["paths"]
    parameters = [each for item in paths.values() for one in item.values() for each in one.get("parameters", [])]
    assert parameters
    assert not [each for each in parameters if {"type": "null"} in each["schema"].get("anyOf", [])]


def test_no_schema_is_named_after_the_module_it_stands_in(bare: TestClient) -> None:
    """As it is where two have one name: clients made of the description would change with a third."""
    schemas: dict[str, Any] = good(bare.get("/openapi.json")).json()["components"]["schemas"]
    assert len(schemas) > 100
    assert not [name for name in schemas if "__" in name]


def test_every_operation_is_summed_up_in_a_few_words_of_its_own(bare: TestClient) -> None:
    """What answers under the prefix and without it is the same operation."""
    summaries: dict[tuple[str, str], str] = {}
    for path, operations in good(bare.get("/openapi.json")).json()["paths"].items():
        for method, operation in operations.items():
            summary = summaries.setdefault((method, path.removeprefix(PREFIX)), operation["summary"])
            assert re.fullmatch(r"[A-Z]\S*( \S+){1,7}(?<!\.)", operation["summary"]), (method, path)
            assert summary == operation["summary"] != summary.title(), "written, not made of a function's name"
    assert len(summaries) > 100
    assert [each for each, count in Counter(summaries.values()).items() if count > 1] == []


def test_a_filter_with_nul_is_refused() -> None:
    app = FastAPI()

    @app.get("/")
    def entries(filters: Filters) -> None:
        assert filters["action"] == "update"

    client = TestClient(app)
    assert client.get("/?action=update").status_code == 200
    assert client.get("/?action=a%00b").status_code == 422


def test_the_api_describes_itself_without_asking_another_host(bare: TestClient) -> None:
    page = bare.get("/docs").text
    asked = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(asked) == 3
    for address in asked:
        assert urlsplit(address).hostname in (None, "testserver"), address
        assert bare.get(address).is_success
    assert "SwaggerUIBundle" in page
