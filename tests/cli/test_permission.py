"""On what an action is to be done: people name things, and the API wants ids."""

from uuid import UUID

import pytest
from typer.testing import CliRunner

from cli.exits import Exit, Stop
from cli.permission import app, in_words, missing, target_of
from tests.cli.http_server import Server, door, serving

A, B = str(UUID(int=1)), str(UUID(int=2))
MEMBER = {"id": B, "person_id": A, "email": "ann@example.org", "avatar_name": "red-fox-1", "name": "x"}


@pytest.mark.parametrize(
    ("action", "word", "place", "id"),
    [
        ("change_role", "ann@example.org", "members", B),
        ("change_role", A, "members", B),
        ("change_role", B, "members", B),
        ("rename_project", "cells", "projects", A),
        ("cancel_training", A[:8], "training-jobs", A),
    ],
)
def test_a_thing_is_named_as_everywhere_else(action: str, word: str, place: str, id: str) -> None:
    with serving() as server:
        items = [MEMBER] if place == "members" else [{"id": A, "name": "cells"}]
        server.answers = [(200, {}, {"items": items, "next": None})]
        assert target_of(door(server), action, word) == id
        assert server.asked[0][1] == f"/api/v1/{place}"


def test_what_the_platform_alone_knows_is_for_it_to_judge() -> None:
    with serving() as server:
        assert target_of(door(server), "fly", A) == A
        assert target_of(door(server), "fly", "to the moon") is None, "it says first that there is no such action"


def test_an_action_on_nothing_takes_no_target(server: Server) -> None:
    with pytest.raises(Stop, match="create_project is on nothing: leave 'bridges' out"):
        CliRunner().invoke(app, ["explain", "create_project", "bridges"], catch_exceptions=False)
    assert server.asked == []


def test_whoever_may_not_see_the_members_names_one_by_id() -> None:
    with serving() as server:
        server.answers = [(403, {}, {"detail": "no"})] * 2
        assert target_of(door(server), "change_role", B) == B
        with pytest.raises(Stop, match="no"):
            target_of(door(server), "change_role", "ann@example.org")


def test_a_service_account_is_named_too() -> None:
    with serving() as server:
        server.answers = [(200, {}, {"items": [{"id": A, "name": "exporter"}], "next": None})]
        assert target_of(door(server), "disable_service_account", "exporter") == A


def test_whoever_names_no_target_is_told_by_what_one_is_meant(server: Server) -> None:
    with pytest.raises(Stop) as refused:
        CliRunner().invoke(app, ["explain", "request_training"], catch_exceptions=False)
    assert str(refused.value) == (
        "request_training is on a project: name it behind the action, by its name or its id; "
        "`vistory permission explain request_training TARGET`"
    )
    assert (refused.value.exit_code, server.asked) == (Exit.USAGE, [])
    assert [missing(action) for action in ("create_project", "change_organization", "fly")] == [""] * 3
    assert "is on an api token: name it behind the action, by its id;" in missing("revoke_token")


def test_what_would_be_enough_is_told_with_what_the_places_are_in() -> None:
    assert in_words({"allowed": False, "why": "full", "roles": [], "places": [], "owner": False, "granted_by": []}) == (
        "no: full"
    )
    found = {"allowed": False, "why": "because", "roles": ["admin"], "within": "dataset", "places": ["editor"]}
    assert in_words(found | {"owner": True, "granted_by": []}).splitlines() == [
        "no: because",
        "enough would be: the role admin, or the place of editor in the dataset, or owning it",
    ]
