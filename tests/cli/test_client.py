"""The client of the API, against a real HTTP server that answers as it is told."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import patience
from cli.client import Api, NotOurs, Problem, Unreachable, reason
from cli.exits import Exit, Stop
from cli.kept import Seen
from tests.cli.http_server import Server, door, serving

ID = "0198c0de-0000-7000-8000-000000000007"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))
    with serving() as server:
        yield server


@pytest.fixture
def seen(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    return Seen(f"http://127.0.0.1:{server.server_port}")


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
        assert api.post_until_done(f"/datasets/{ID}/uploads/{ID}/commit", strict=True) == {"revision": 1}
    assert time.monotonic() - began >= 1
    assert len(server.asked) == 2


def test_whoever_asks_for_too_much_waits_as_long_as_the_answer_says(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "1"}, {}), (200, {}, {"id": "1"})]
    with door(server) as api:
        began = time.monotonic()
        assert api.get(f"/projects/{ID}") == {"id": "1"}
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


def test_a_query_sees_what_the_commands_of_before_did(server: Server, seen: Seen) -> None:
    server.answers = [(201, {"Vistory-Position": "ledger:7"}, {}), (200, {}, {}), (200, {}, {})]
    with Api(seen.api, kept=seen) as api:
        api.post("/projects", name="x")
    with Api(seen.api, kept=seen) as api:
        api.get("/projects")
    with Api("http://elsewhere", kept=Seen("http://elsewhere")) as other:
        assert other._seen is None
    assert server.asked[1][2]["Vistory-Min-Position"] == "ledger:7"


def test_of_two_commands_at_once_the_later_change_is_kept(seen: Seen) -> None:
    for position, kept in {"a:7": "a:7", "a:5": "a:7", "a:10": "a:10", "b:1": "b:1"}.items():
        seen.reach(position)
        assert seen.position() == kept


def test_what_a_platform_does_not_know_any_more_is_told_once_and_not_asked_for_again(
    server: Server, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.reach("ledger:7")
    unknown = {"type": "urn:vistory:problem:position-is-unknown", "detail": "ahead of the ledger"}
    server.answers = [(422, {}, unknown), (200, {}, {"items": []}), (200, {}, {"items": []})]
    with Api(seen.api, kept=seen) as api:
        assert api.get("/projects") == {"items": []}
        api.get("/projects")
    assert ["Vistory-Min-Position" in headers for _, _, headers in server.asked] == [True, False, False]
    assert seen.position() is None
    assert capsys.readouterr().err.count("does not know your last change any more") == 1


def test_a_command_that_is_done_is_no_failure_where_no_note_of_it_can_be_kept(
    server: Server, seen: Seen, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("not a folder")
    server.answers = [(201, {"Vistory-Position": "ledger:7"}, {"id": "1"})]
    with Api(seen.api, kept=seen) as api:
        assert api.post("/projects", name="x") == {"id": "1"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [("not-there-yet", "not to be seen yet; ask again soon"), ("read-model-stopped", "before the platform is mended")],
)
def test_what_is_not_to_be_seen_yet_is_told_with_what_to_do(server: Server, kind: str, words: str) -> None:
    behind = {"type": f"urn:vistory:problem:{kind}", "detail": "projection:projects not at position 7 after 2 s"}
    server.answers = [(503, {}, behind)] * 3
    with door(server) as api, pytest.raises(Problem, match=rf"{words}.*`vistory doctor` tells") as late:
        api.get("/projects")
    assert late.value.exit_code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(503, {}, {"type": "urn:vistory:problem:not-there-yet"})], "does not show your last change yet"),
        ([(503, {}, {"type": "urn:vistory:problem:unavailable"})], "lacks a part of itself just now"),
        ([(429, {}, {})], "is asked for too much at once"),
    ],
)
def test_whoever_waits_for_longer_than_a_moment_is_told_what_for_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answers: Any, words: str
) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.3, 0.0))
    monkeypatch.setattr(patience, "WORTH_A_WORD", 0.2)
    server.answers = [*answers * 3, (200, {}, {})]
    with door(server) as api:
        api.get("/projects")
    assert capsys.readouterr().err == f"{api.url} {words}; asking again ...\n"


def test_whoever_waits_for_a_server_that_is_not_there_is_told_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.3, 0.0))
    monkeypatch.setattr(patience, "WORTH_A_WORD", 0.2)
    with Api("http://127.0.0.1:9") as api, pytest.raises(Unreachable):
        api.get("/projects")
    assert capsys.readouterr().err == "http://127.0.0.1:9 does not answer (Connection refused); asking again ...\n"


def test_a_list_is_read_page_after_page(server: Server) -> None:
    server.answers = [(200, {}, {"items": [{"n": 1}], "next": 5}), (200, {}, {"items": [{"n": 2}], "next": None})]
    with door(server) as api:
        assert [item["n"] for item in api.pages("/projects", limit=1)] == [1, 2]
    assert server.asked[1][1] == "/api/v1/projects?limit=1&after=5"


def test_a_problem_document_is_told_in_its_own_words(server: Server) -> None:
    server.answers = [(409, {}, {"title": "Job is over", "detail": "job 1 is completed already", "status": 409})]
    with door(server) as api, pytest.raises(Problem, match="job 1 is completed already") as refused:
        api.post(f"/training-jobs/{ID}/cancel")
    assert refused.value.exit_code == Exit.REFUSED


def test_who_is_not_signed_in_is_told_so_by_the_exit_status(server: Server) -> None:
    server.answers = [(401, {}, {"detail": "sign in first"})]
    with door(server) as api, pytest.raises(Problem) as refused:
        api.get("/projects")
    assert refused.value.exit_code == Exit.SIGNED_OUT


def test_who_is_in_an_organization_that_is_closed_is_signed_in_and_led_to_others(server: Server) -> None:
    closed = {"type": "urn:vistory:problem:organization-was-closed", "detail": "this organization is closed"}
    server.answers = [(401, {}, closed)]
    with (
        door(server) as api,
        pytest.raises(Problem, match=r"is closed; .*`vistory organization switch NAME`") as refused,
    ):
        api.get("/projects")
    assert refused.value.exit_code == Exit.REFUSED


def test_a_server_that_is_not_there_is_unreachable(server: Server) -> None:
    with Api("http://127.0.0.1:9") as api, pytest.raises(Unreachable) as gone:
        api.get("/projects")
    assert gone.value.exit_code == Exit.UNREACHABLE
    assert str(gone.value).startswith("http://127.0.0.1:9 does not answer: Connection refused; `vistory up` starts a")


def test_who_does_not_speak_https_is_asked_once_and_it_is_told_what_is_wrong(server: Server) -> None:
    with (
        Api(f"https://127.0.0.1:{server.server_port}") as api,
        pytest.raises(Unreachable, match="it does not speak https: is its address http"),
    ):
        api.get("/projects")


def test_a_certificate_that_is_not_trusted_is_told_with_its_reason() -> None:
    error = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)")
    assert reason(error) == "its certificate is not trusted (self-signed certificate)"


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_who_answers_and_is_not_this_platform_is_told_so(server: Server, status: int) -> None:
    server.answers = [(status, {"Content-Type": "text/html"}, b"<html>Welcome to nginx!</html>")]
    with door(server) as api, pytest.raises(NotOurs, match=f"status {status}, .* the address of the API") as stopped:
        api.get("/projects")
    assert stopped.value.exit_code == Exit.UNREACHABLE


def test_a_path_before_that_of_the_api_is_told_to_be_wrong(server: Server) -> None:
    server.answers = [(404, {}, {"title": "Not found", "status": 404, "detail": "Not Found"})]
    with door(server) as api, pytest.raises(NotOurs, match="is this the address of the API"):
        api.get("/projects")


@pytest.mark.parametrize(
    ("status", "code"), [(403, Exit.REFUSED), (404, Exit.REFUSED), (409, Exit.REFUSED), (422, Exit.REFUSED)]
)
def test_a_refusal_is_told_in_its_own_words(server: Server, status: int, code: Exit) -> None:
    server.answers = [(status, {}, {"detail": "not so"})]
    with door(server) as api, pytest.raises(Problem, match=r"^not so$") as refused:
        api.get("/projects")
    assert refused.value.exit_code == code


def test_a_part_that_stays_away_is_no_refusal(server: Server) -> None:
    server.answers = [(503, {}, {"detail": "a part that this needs is away"})] * 3
    with door(server) as api, pytest.raises(Problem, match="a part that this needs is away") as gone:
        api.get("/projects")
    assert gone.value.exit_code == Exit.UNREACHABLE


def test_who_would_have_to_wait_for_long_is_told_for_how_long_and_not_kept(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "900"}, {"detail": "too many wrong passwords"})]
    with (
        door(server) as api,
        pytest.raises(Stop, match=r"^too many wrong passwords; the next attempt is possible in 15 minutes$"),
    ):
        api.post("/auth/login", email="a", password="b")


def test_whoever_lacks_a_right_is_told_the_command_that_tells_who_could_give_it(server: Server) -> None:
    no = {"type": "urn:vistory:problem:forbidden", "detail": "the role guest does not include create_project"}
    server.answers = [(403, {}, no | {"action": "rename_project", "target": ID}), (403, {}, no | {"action": "x y"})]
    with door(server) as api:
        with pytest.raises(Problem, match=rf"; `vistory permission explain rename_project {ID}` tells who could let"):
            api.patch(f"/projects/{ID}", name="x")
        with pytest.raises(Problem, match=r"`vistory permission explain 'x y'` tells who could let you$"):
            api.post("/projects", name="x")


SLOWED = {"type": "urn:vistory:problem:tried-too-often", "detail": "failed too often; wait as long as Retry-After says"}


def test_whoever_guessed_wrong_is_told_for_how_long_they_cannot_try_and_is_not_kept(server: Server) -> None:
    server.answers = [(429, {"Retry-After": "10"}, SLOWED)]
    with door(server) as api, pytest.raises(Stop, match=r"^failed too often; the next attempt is possible in 10 s$"):
        api.post("/auth/login", email="a", password="b")
    assert len(server.asked) == 1


def test_whoever_may_try_again_in_a_moment_waits_and_is_told_what_for(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [(429, {"Retry-After": "2"}, SLOWED), (200, {}, {})]
    with door(server) as api:
        api.post("/auth/resend-verification", email="a@b.example")
    assert capsys.readouterr().err == f"{api.url} asks for a pause of 2 s: failed too often; asking again ...\n"


@pytest.mark.parametrize(
    ("seconds", "told"), [(12.0, "12 s"), (119.0, "119 s"), (301.0, "6 minutes"), (86_400.0, "24 hours")]
)
def test_a_time_is_told_as_people_say_it_and_never_too_short(seconds: float, told: str) -> None:
    assert patience.in_time(seconds) == told


def test_no_token_goes_to_a_presigned_address(server: Server) -> None:
    server.answers = [(200, {}, {})]
    with door(server) as api:
        api.download(f"{api.url}/bucket/object?signature=x")
    assert "Authorization" not in server.asked[0][2]
