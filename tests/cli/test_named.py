"""A thing that a command means, by its id or by its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cli import app
from cli.exits import Exit, Stop
from cli.kept import Session, keep
from cli.named import id_among, id_of, must_be_new, thing_of
from tests.cli.http_server import Server, door, serving

A, B = str(UUID(int=1)), str(UUID(int=2))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def page(*names: str, next: int | None = None) -> tuple[int, dict[str, str], object]:
    items = [{"id": id, "name": name} for id, name in zip((A, B), names, strict=False)]
    return (200, {}, {"items": items, "next": next})


def test_an_id_is_taken_as_it_is(server: Server) -> None:
    assert id_of(door(server), "dataset", A) == A
    assert server.asked == []


def test_a_name_is_found_on_any_page(server: Server) -> None:
    server.answers = [page("cells", next=7), page("bones")]
    assert id_of(door(server), "dataset", "bones") == A


def test_a_name_that_nothing_bears_is_refused(server: Server) -> None:
    server.answers = [page("cells")]
    with pytest.raises(Stop, match="no dataset 'bones'; `vistory dataset list`"):
        id_of(door(server), "dataset", "bones")


@pytest.mark.parametrize("noun", ["model", "job"])
def test_what_has_no_name_is_meant_by_its_id(server: Server, noun: str) -> None:
    server.answers = [(200, {}, {"items": [{"id": A}], "next": None})]
    with pytest.raises(Stop, match=f"`vistory {noun} list` tells what there is, each by its id"):
        id_of(door(server), noun, "test_resnet")


def test_who_mistyped_a_name_is_told_which_are_like_it(server: Server) -> None:
    server.answers = [page("cells", "bones")] * 2
    with pytest.raises(Stop, match=r"no dataset 'Celsl' \(did you mean 'cells'\?\); "):
        id_of(door(server), "dataset", "Celsl")
    with pytest.raises(Stop, match="no dataset 'wholly other'; "):
        id_of(door(server), "dataset", "wholly other")


def test_a_thing_is_said_by_name_and_the_beginning_of_its_id(server: Server) -> None:
    server.answers = [page("cells"), (200, {}, {"id": A, "name": "cells"})]
    assert str(thing_of(door(server), "dataset", "cells")) == "dataset cells (00000000-0000)"
    assert str(thing_of(door(server), "project", A)) == "project cells (00000000-0000)"


def test_a_name_that_two_bear_is_refused_and_both_are_named(server: Server) -> None:
    server.answers = [page("cells", "cells")]
    with pytest.raises(Stop, match=f"'cells' may be each of 2 projects.*{A}, {B}"):
        id_of(door(server), "project", "cells")


@pytest.mark.parametrize(
    ("noun", "place"), [("job", "training-jobs"), ("model", "models"), ("experiment", "experiments")]
)
def test_the_beginning_of_an_id_is_enough_where_only_one_begins_so(server: Server, noun: str, place: str) -> None:
    one, other = str(UUID(int=1 << 96)), str(UUID(int=2 << 96))
    server.answers = [(200, {}, {"items": [{"id": one}, {"id": other}], "next": None})] * 3
    assert id_of(door(server), noun, "00000002") == other
    assert server.asked[0][1] == f"/api/v1/{place}"
    with pytest.raises(Stop, match=f"'0000' may be each of 2 .*{one}, {other}"):
        id_of(door(server), noun, "0000")
    with pytest.raises(Stop, match=r"there is no .* '000'"):
        id_of(door(server), noun, "000")


ITEMS = [{"id": str(UUID(int=1 << 96)), "name": "Acme"}, {"id": str(UUID(int=2 << 96)), "name": "Works"}]


@pytest.mark.parametrize(
    ("words", "answer", "asked"),
    [
        (("sessions", "end", "00000002"), ITEMS, "/auth/sessions/"),
        (("operator", "change-quotas", "00000002", "--max-users", "1"), None, "/admin/organizations/"),
        (("operator", "change-quotas", "Works", "--max-users", "1"), None, "/admin/organizations/"),
    ],
)
def test_a_session_and_any_organization_are_meant_like_other_things(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], answer: Any, asked: str
) -> None:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))
    server.answers = [(200, {}, answer or {"items": ITEMS, "next": None})] * 2
    CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert server.asked[-1][1] == f"/api/v1{asked}{ITEMS[1]['id']}"


def test_what_no_list_has_is_refused_with_the_command_that_shows_it() -> None:
    with pytest.raises(Stop, match="no session is called '0198'; `vistory sessions list` tells what there is"):
        id_among(ITEMS, "session", "0198", "vistory sessions list")
    with pytest.raises(Stop, match="2 sessions may be meant by '0000'"):
        id_among(ITEMS, "session", "0000", "vistory sessions list")


def test_a_name_counts_before_the_beginning_of_an_id(server: Server) -> None:
    items = [{"id": A, "name": "cells"}, {"id": B, "name": "0000"}]
    server.answers = [(200, {}, {"items": items, "next": None})]
    assert id_of(door(server), "project", "0000") == B


def test_nothing_is_no_name(server: Server) -> None:
    with pytest.raises(Stop, match="name a dataset") as stopped:
        id_of(door(server), "dataset", "")
    assert (stopped.value.exit_code, server.asked) == (Exit.USAGE, [])


def test_a_name_that_is_there_already_is_told_with_what_to_do(server: Server) -> None:
    server.answers = [page("cells"), page("cells")]
    must_be_new(door(server), "dataset", "bones", "--into")
    with pytest.raises(Stop, match="there is a dataset 'cells' already; --into"):
        must_be_new(door(server), "dataset", "cells", "--into")
