"""The platform's operators over HTTP: all organizations and their use, none of their content."""

from collections.abc import Callable

import pytest

from cli.exits import Stop
from cli.local import given
from cli.operator import operators, organization_at
from commands.operator import AppointOperator, DismissOperator
from domain.roles import Scope
from infra.config import Settings
from tests.api.test_role import OF_OPERATORS
from tests.api.visitor import Visitor
from tests.whole import waited


@pytest.fixture
def operator(founder: Callable[[], Visitor], settings: Settings) -> Visitor:
    """Somebody of an organization of their own."""
    operator = founder()
    given(settings, operator.email, AppointOperator)
    return operator


def test_an_operator_sees_every_organization_and_its_use(operator: Visitor, ann: Visitor, bob: Visitor) -> None:
    ann.colleague("guest")
    first = operator.get("/admin/organizations?limit=1", Vistory_Min_Position=ann.seen)
    found = {each["id"]: each for each in operator.get("/admin/organizations")["items"]}
    assert first["items"][0]["id"] in found
    assert first["next"] is not None
    assert {ann.organization, bob.organization, operator.organization} <= found.keys()
    assert found[ann.organization]["use"]["users"] == found[ann.organization]["seats"] >= 2
    named = operator.get(f"/admin/organizations?q={ann.company.upper()}")["items"]
    assert ann.organization in {each["id"] for each in named}


def test_an_operator_changes_quotas_and_the_organization_reads_who_did(operator: Visitor, ann: Visitor) -> None:
    path = f"/admin/organizations/{ann.organization}"
    assert operator("PATCH", path, {"max_gpu_hours_per_month": 7}).status_code == 200
    assert ann.get("/organization", Vistory_Min_Position=operator.seen)["max_gpu_hours_per_month"] == 7
    log = ann.get("/audit/organization?action=update", Vistory_Min_Position=operator.seen)["items"]
    assert (operator.id, "operator") in {(each["actor_id"], each["actor_role"]) for each in log}
    assert operator("PATCH", path, {"name": "Mine"}).status_code == 422


def test_whoever_keeps_the_machine_means_an_organization_by_its_name_or_the_beginning_of_its_id(
    ann: Visitor, settings: Settings
) -> None:
    ann.get("/organization", Vistory_Min_Position=ann.seen)
    for word in (ann.get("/organization")["name"], ann.organization[:23], ann.organization):
        assert str(organization_at(settings, word)) == ann.organization
    with pytest.raises(Stop, match="no organization is called 'Nobody'"):
        organization_at(settings, "Nobody")


def test_what_is_in_an_organization_is_none_of_an_operators(operator: Visitor, ann: Visitor) -> None:
    project = ann.post("/projects", {"name": "hers"})["id"]
    assert operator("GET", f"/projects/{project}", Vistory_Min_Position=ann.seen).status_code == 404
    assert operator("GET", f"/admin/users/{ann.id}").status_code == 404


def test_nobody_else_sees_organizations_and_whoever_is_dismissed_does_no_more(
    operator: Visitor, ann: Visitor, settings: Settings
) -> None:
    waited(lambda: operator.id in {str(each["id"]) for each in operators(settings)}, 20, "the operator among them")
    assert ann("GET", "/admin/organizations").status_code == 403
    assert ann("PATCH", f"/admin/organizations/{ann.organization}", {"max_users": 9}).status_code == 403
    given(settings, operator.id, DismissOperator)
    assert operator("GET", "/admin/organizations").status_code == 403


def test_no_api_token_of_an_operator_s_does_what_is_for_operators(operator: Visitor) -> None:
    program = operator.program(*Scope)
    for method, path in sorted(OF_OPERATORS):
        asked = path.format(organization_id=operator.organization)
        answer, own = (who(method, asked, {} if method == "PATCH" else None) for who in (program, operator))
        assert (answer.status_code, "not for API tokens" in answer.json()["detail"]) == (403, True), asked
        assert own.status_code == 200, asked
