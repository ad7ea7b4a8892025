"""Who is let in, and as what: what somebody types next is told whole."""

import pytest
from typer.testing import CliRunner

from cli.exits import Stop
from cli.member import app
from tests.cli.http_server import Answer, Server

ID = "0198c0de-0000-7000-8000-000000000007"
ANN = {"id": ID, "person_id": "8", "email": "ann@b.example", "avatar_name": "red-fox-1", "role": None}
NOBODY: Answer = (200, {}, {"items": [], "next": None})


def listed(**more: object) -> Answer:
    return (200, {}, {"items": [ANN | {"deactivated_at": None, "full_name": "Ann"} | more], "next": None})


def approve(*words: str) -> str:
    done = CliRunner().invoke(app, ["approve", "ann@b.example", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_who_names_no_role_is_told_which_one_it_is_and_how_another_is_given(server: Server) -> None:
    server.answers = [listed(), (200, {}, {"id": ID})]
    assert approve() == ("ann@b.example is a guest now; `vistory member role ann@b.example ROLE` gives another role")
    server.answers = [listed(), (200, {}, {"id": ID})]
    assert approve("engineer_i") == "ann@b.example is an engineer_i now"


def test_a_role_that_there_is_not_is_told_before_anything_is_asked(server: Server) -> None:
    with pytest.raises(Stop, match=r"there is no role 'managr' \(did you mean 'manager'\?\); the roles are admin, "):
        approve("managr")
    assert server.asked == []


def test_who_is_in_already_is_told_to_be_and_how_another_role_is_given(server: Server) -> None:
    server.answers = [NOBODY, listed(role="guest")]
    with pytest.raises(Stop) as refused:
        approve("engineer_i")
    assert str(refused.value) == (
        "ann@b.example is in the organization already, as a guest; "
        "`vistory member role ann@b.example engineer_i` gives another role"
    )
    server.answers = [NOBODY, listed(role="guest")]
    with pytest.raises(Stop, match=r"`vistory member role ann@b\.example ROLE` gives another"):
        approve("guest")
    server.answers = [NOBODY, listed(role="guest", deactivated_at="2026-01-02T03:04:05Z")]
    with pytest.raises(
        Stop, match=r"is deactivated and does not wait; `vistory member reactivate ann@b\.example` lets"
    ):
        approve()
    server.answers = [NOBODY, NOBODY]
    with pytest.raises(Stop, match=r"nobody who waits is called 'ann@b\.example'"):
        approve("engineer_i")
