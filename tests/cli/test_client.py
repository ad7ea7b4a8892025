"""The client of the API, against a real HTTP server that answers as it is told."""

import time
from collections.abc import Iterator

import pytest

from cli import client
from cli.client import Api, Problem, Unreachable
from cli.exits import Exit
from tests.cli.http_server import Server, door, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(client, "PAUSES", (0.0, 0.0))
    with serving() as server:
        yield server


def test_a_command_is_sent_again_with_the_same_key_until_it_is_answered(server: Server) -> None:
    server.answers = [(503, {}, {}), (502, {}, {}), (201, {}, {"id": "1"})]
    with door(server) as api:
        assert api.post("/projects", name="x") == {"id": "1"}
    keys = {headers["Idempotency-Key"] for _, _, headers in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1


def test_what_is_not_done_yet_is_asked_for_again_when_the_answer_says(server: Server) -> None:
    server.answers = [(202, {"Retry-After": "1"}, {"done": 1}), (200, {}, {"revision": 1})]
    with door(server) as api:
        began = time.monotonic()
        assert api.post_until_done("/commit", strict=True) == {"revision": 1}
    assert time.monotonic() - began >= 1
    assert len(server.asked) == 2


def test_whoever_asks_for_too_much_waits_as_long_as_the_answer_says(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "1"}, {}), (200, {}, {"id": "1"})]
    with door(server) as api:
        began = time.monotonic()
        assert api.get("/projects/1") == {"id": "1"}
    assert time.monotonic() - began >= 1


def test_two_commands_have_two_keys(server: Server) -> None:
    server.answers = [(201, {}, {}), (201, {}, {})]
    with door(server) as api:
        api.post("/projects", name="x")
        api.post("/projects", name="x")
    assert len({headers["Idempotency-Key"] for _, _, headers in server.asked}) == 2


def test_a_query_sees_what_the_command_before_it_did(server: Server) -> None:
    server.answers = [(201, {"Vistory-Position": "ledger:7"}, {}), (200, {}, {"items": [], "next": None})]
    with door(server) as api:
        api.post("/projects", name="x")
        assert list(api.pages("/projects")) == []
    assert server.asked[1][2]["Vistory-Min-Position"] == "ledger:7"


def test_a_list_is_read_page_after_page(server: Server) -> None:
    server.answers = [(200, {}, {"items": [{"n": 1}], "next": 5}), (200, {}, {"items": [{"n": 2}], "next": None})]
    with door(server) as api:
        assert [item["n"] for item in api.pages("/projects", limit=1)] == [1, 2]
    assert server.asked[1][1] == "/api/v1/projects?limit=1&after=5"


def test_a_problem_document_is_told_in_its_own_words(server: Server) -> None:
    server.answers = [(409, {}, {"title": "Job is over", "detail": "job 1 is completed already", "status": 409})]
    with door(server) as api, pytest.raises(Problem, match="job 1 is completed already") as refused:
        api.post("/training-jobs/1/cancel")
    assert refused.value.exit_code == Exit.REFUSED


def test_who_is_not_signed_in_is_told_so_by_the_exit_status(server: Server) -> None:
    server.answers = [(401, {}, {"detail": "sign in first"})]
    with door(server) as api, pytest.raises(Problem) as refused:
        api.get("/projects")
    assert refused.value.exit_code == Exit.SIGNED_OUT


def test_a_server_that_is_not_there_is_unreachable(server: Server) -> None:
    with Api("http://127.0.0.1:9") as api, pytest.raises(Unreachable) as gone:
        api.get("/projects")
    assert gone.value.exit_code == Exit.UNREACHABLE


def test_no_token_goes_to_a_presigned_address(server: Server) -> None:
    server.answers = [(200, {}, {})]
    with door(server) as api:
        api.download(f"{api.url}/bucket/object?signature=x")
    assert "Authorization" not in server.asked[0][2]
