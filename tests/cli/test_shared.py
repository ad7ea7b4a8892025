"""Who is in a project or a dataset, at the terminal: what is typed is what the API is asked."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cli.dataset import app as dataset
from cli.exits import Stop
from cli.kept import Session, keep
from cli.project import app as project
from cli.shared import people
from tests.cli.http_server import Server, serving

THING, BEN = str(UUID(int=7)), str(UUID(int=8))
CALLED: tuple[int, dict[str, str], dict[str, str]] = (200, {}, {"id": THING, "name": "cracks"})
APPS = {"dataset": dataset, "project": project}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))


def run(noun: str, *words: str) -> str:
    done = CliRunner().invoke(APPS[noun], list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("noun", APPS)
@pytest.mark.parametrize(
    ("words", "asked", "told"),
    [
        (("add", THING, BEN, "--role", "viewer"), ("POST", "/members"), f"{BEN} is viewer of"),
        (("role", THING, BEN, "maintainer"), ("PATCH", f"/members/{BEN}"), f"{BEN} is maintainer of"),
        (("remove", THING, BEN), ("DELETE", f"/members/{BEN}"), f"{BEN} no longer has a place in"),
        (("offer", THING, BEN), ("POST", "/owner/offer"), f"{BEN} takes it over, signed in, by: vistory"),
        (("accept", THING), ("POST", "/owner/accept"), "is yours"),
        (("decline", THING), ("POST", "/owner/decline"), "stays with its owner"),
        (("withdraw", THING), ("POST", "/owner/withdraw"), "is offered to nobody any more"),
    ],
)
def test_a_place_or_the_whole_is_given_and_taken(
    server: Server, noun: str, words: tuple[str, ...], asked: tuple[str, str], told: str
) -> None:
    server.answers = [CALLED, (200, {}, {"id": THING})]
    said = run(noun, *words)
    assert (f"{noun} cracks (00000000-0000)" in said, told in said) == (True, True), said
    method, path, _ = server.asked[-1]
    assert (method, path) == (asked[0], f"/api/v1/{noun}s/{THING}{asked[1]}")


@pytest.mark.parametrize(
    ("invitation", "told"),
    [(None, "(00000000-0000)\n"), (str(UUID(int=9)), "once the letter that is on its way is accepted\n")],
)
def test_an_address_is_sent_as_it_is_so_that_a_stranger_is_invited(
    server: Server, invitation: str | None, told: str
) -> None:
    server.answers = [CALLED, (200, {}, {"id": THING, "invitation_id": invitation})]
    said = run("project", "add", THING, "zoe@b.example", "--role", "viewer")
    assert said.startswith("zoe@b.example is viewer of project cracks ")
    assert said.endswith(told)
    assert json.loads(server.body) == {"email": "zoe@b.example", "role": "viewer"}


def test_who_may_not_look_at_a_thing_is_still_let_do_what_they_may(server: Server) -> None:
    server.answers = [(403, {}, {"detail": "no"}), (200, {}, {"id": THING})]
    assert run("project", "accept", THING) == f"project {THING} is yours\n"


@pytest.mark.parametrize("noun", APPS)
def test_one_leaves_by_one_s_own_id(server: Server, noun: str) -> None:
    server.answers = [CALLED, (200, {}, {"id": BEN}), (200, {}, {"id": THING})]
    assert json.loads(run(noun, "leave", THING, "--json")) == {"id": THING}
    assert server.asked[-1][:2] == ("DELETE", f"/api/v1/{noun}s/{THING}/members/{BEN}")


def test_a_dataset_is_meant_by_its_name_and_a_person_by_an_address(server: Server) -> None:
    member = {"id": "m", "person_id": BEN, "email": "ben@example.org", "avatar_name": "red-fox-1"}
    server.answers = [(200, {}, {"items": [each], "next": None}) for each in ({"id": THING, "name": "cracks"}, member)]
    server.answers.append((200, {}, {"id": THING}))
    run("dataset", "remove", "cracks", "ben@example.org")
    assert server.asked[-1][1] == f"/api/v1/datasets/{THING}/members/{BEN}"


def test_whom_a_thing_is_offered_to_is_told_by_the_address_that_they_sign_in_with(server: Server) -> None:
    member = {"id": "m", "person_id": BEN, "email": "ben@example.org", "avatar_name": "red-fox-1"}
    server.answers = [CALLED, (200, {}, {"items": [member], "next": None}), (200, {}, {"id": THING})]
    assert run("project", "offer", THING, "red-fox-1") == (
        "project cracks (00000000-0000) is offered to ben@example.org, and stays yours until it is accepted; "
        "ben@example.org takes it over, signed in, by: vistory project accept cracks\n"
    )
    assert json.loads(server.body) == {"person_id": BEN}


def test_a_dataset_that_there_is_not_is_refused(server: Server) -> None:
    server.answers = [(200, {}, {"items": [], "next": None})]
    with pytest.raises(Stop, match="there is no dataset 'cracks'"):
        run("dataset", "accept", "cracks")


def test_the_table_of_people_begins_with_whose_it_is() -> None:
    found = {"owner_id": "1", "offered_to": None, "called": {"1": "red-fox-1"}}
    member = {"person_id": "2", "avatar_name": "blue-owl-2", "role": "editor"}
    assert [line.split() for line in people(found | {"members": [member]}).splitlines()] == [
        ["person", "called", "role"],
        ["1", "red-fox-1", "owner"],
        ["2", "blue-owl-2", "editor"],
    ]
