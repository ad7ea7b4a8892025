"""Whom a command about a project means, and what it shows of one."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from cli.exits import Stop
from cli.named import avatar_names, person_of
from cli.project import described
from tests.cli.http_server import Server, door, serving

ANN = str(UUID(int=1))
MEMBERS = {
    "items": [{"id": "m", "person_id": ANN, "email": "Ann@example.org", "avatar_name": "red-fox-1"}],
    "next": None,
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.mark.parametrize("word", ["ann@example.org", "red-fox-1"])
def test_a_person_is_meant_by_address_or_avatar_name(server: Server, word: str) -> None:
    server.answers = [(200, {}, MEMBERS)]
    assert person_of(door(server), word) == ANN


def test_a_person_is_meant_by_id_without_asking(server: Server) -> None:
    assert person_of(door(server), ANN) == ANN
    assert server.asked == []


def test_somebody_unknown_is_refused(server: Server) -> None:
    server.answers = [(200, {}, MEMBERS)]
    with pytest.raises(Stop, match="nobody in your organization is called 'ben'"):
        person_of(door(server), "ben")


def test_the_owner_of_a_project_is_shown_by_name_where_the_members_are_to_be_seen(server: Server) -> None:
    server.answers = [(200, {}, MEMBERS)]
    assert avatar_names(door(server), {ANN}) == {ANN: "red-fox-1"}
    server.answers = [(403, {}, {"detail": "no"})]
    assert avatar_names(door(server), {ANN}) == {}


def test_a_project_is_shown_with_who_is_in_it() -> None:
    found = {"id": "7", "name": "cells", "description": "", "owner_id": ANN, "archived_at": None, "offered_to": "9"}
    members = [{"person_id": "8", "avatar_name": "blue-owl-2", "role": "viewer"}]
    shown = described(found | {"members": members, "called": {ANN: "red-fox-1"}})
    assert [line.split() for line in shown.splitlines() if line] == [
        ["id", "7"], ["name", "cells"], ["person", "called", "role"], [ANN, "red-fox-1", "owner"],
        ["9", "owner,", "once", "that", "is", "accepted"], ["8", "blue-owl-2", "viewer"],
    ]  # fmt: skip
