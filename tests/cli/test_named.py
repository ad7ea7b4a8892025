"""A thing that a command means, by its id or by its name."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from cli.exits import Stop
from cli.named import id_of, must_be_new
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
    with pytest.raises(Stop, match="no dataset called 'bones'"):
        id_of(door(server), "dataset", "bones")


def test_a_name_that_two_bear_is_refused_and_both_are_named(server: Server) -> None:
    server.answers = [page("cells", "cells")]
    with pytest.raises(Stop, match=f"2 projects are called 'cells'.*{A}, {B}"):
        id_of(door(server), "project", "cells")


def test_a_name_that_is_there_already_is_told_with_what_to_do(server: Server) -> None:
    server.answers = [page("cells"), page("cells")]
    must_be_new(door(server), "dataset", "bones", "--into")
    with pytest.raises(Stop, match="there is a dataset 'cells' already; --into"):
        must_be_new(door(server), "dataset", "cells", "--into")
