"""Whoever is in several organizations sees which, and goes over from one to another."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.api.visitor import PASSWORD, Visitor


@pytest.fixture
def eve(ann: Visitor, founder: Callable[[], Visitor]) -> Visitor:
    """The admin of her own organization, and a guest in Ann's."""
    eve = founder()
    eve.come_into(ann)
    return eve


def roles(person: Visitor) -> dict[str, str]:
    return {each["id"]: each["role"] for each in person.get("/auth/me/organizations")}


def test_whoever_is_in_two_sees_both_and_goes_over_by_what_is_shown(eve: Visitor, ann: Visitor) -> None:
    assert roles(eve) == {eve.organization: "admin", ann.organization: "guest"}
    shown = {each["id"]: each for each in eve.get("/auth/me/organizations")}[ann.organization]
    there = ann.get("/organization")
    assert shown == {name: there[name] for name in shown.keys() - {"role"}} | {"role": "guest"}
    eve.token = eve.post("/auth/switch", {"organization_id": ann.organization})["access_token"]
    me = eve.get("/auth/me")
    assert (me["organization_id"], me["role"]) == (ann.organization, "guest")
    assert roles(eve) == {eve.organization: "admin", ann.organization: "guest"}, "wherever one asks from"


def test_where_one_is_no_member_any_more_and_where_one_waits_is_not_shown(
    eve: Visitor, ann: Visitor, client: TestClient
) -> None:
    eve.token = eve.post("/auth/switch", {"organization_id": ann.organization})["access_token"]
    ann.post(f"/admin/users/{eve.id}/deactivate")
    eve.seen = ann.seen
    assert roles(eve) == {eve.organization: "admin"}, "and whoever was shut out sees where else to go"
    waiting = Visitor(client).register(ann.company)
    assert roles(waiting) == {}


def test_one_that_is_closed_is_shown_as_that(eve: Visitor, ann: Visitor) -> None:
    name = eve.get("/organization")["name"]
    eve.post("/organization/close", {"name": name, "password": PASSWORD})
    closed = {each["id"]: each["closed_at"] for each in eve.get("/auth/me/organizations")}
    assert closed[eve.organization] is not None
    assert closed[ann.organization] is None
