"""Who comes into which organization, and what may be had there, over HTTP: also by those who come at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response
from uuid_utils.compat import uuid7

from domain.membership import membership_id
from tests.api.visitor import PASSWORD, Visitor


def registration(company: str, division: str = "Vision", email: str = "") -> dict[str, str]:
    who = {"email": email or f"{uuid7().hex}@example.org", "full_name": "Ann Ö", "password": PASSWORD}
    return who | {"company": company, "division": division}


def at_once(stranger: Visitor, wishes: list[dict[str, str]]) -> list[Response]:
    together = Barrier(len(wishes))

    def come(wish: dict[str, Any]) -> Response:
        together.wait()
        return stranger("POST", "/auth/register", wish)

    with ThreadPoolExecutor(len(wishes)) as threads:
        return list(threads.map(come, wishes))


def test_who_found_an_organization_in_the_same_instant_are_in_one_and_one_of_them_is_its_admin(
    stranger: Visitor,
) -> None:
    answers = [each.json() for each in at_once(stranger, [registration("In An Instant") for _ in range(4)])]
    assert len({each["organization_id"] for each in answers}) == 1
    assert sorted(str(each["role"]) for each in answers) == ["None", "None", "None", "admin"]


@pytest.mark.parametrize(
    ("company", "division"),
    [("  same   ", "VISION"), ("ＳＡＭＥ", "Vision"), ("Same", " vision ")],
)
def test_the_same_words_are_the_same_organization(stranger: Visitor, company: str, division: str) -> None:
    first = stranger.post("/auth/register", registration("Same"))
    assert (
        stranger.post("/auth/register", registration(company, division))["organization_id"] == first["organization_id"]
    )


def test_another_division_is_another_organization(stranger: Visitor) -> None:
    ids = [stranger.post("/auth/register", registration("Divided", each))["organization_id"] for each in ("A", "B")]
    assert ids[0] != ids[1]


def test_of_those_who_register_one_address_at_once_one_has_it(stranger: Visitor) -> None:
    email = f"{uuid7().hex}@example.org"
    answers = at_once(stranger, [registration(f"Race {number}", email=email) for number in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("body", [{}, None])
def test_whoever_is_let_in_without_a_role_is_a_guest(
    founder: Callable[[], Visitor], stranger: Visitor, body: dict[str, str] | None
) -> None:
    admin = founder()
    newcomer = stranger.register(admin.company)
    (waits,) = admin.get("/members?waiting=true", Vistory_Min_Position=newcomer.seen)["items"]
    assert admin("POST", f"/members/{waits['id']}/approve", body).status_code == 200
    assert newcomer.get("/auth/me")["role"] == "guest"


def test_whoever_comes_into_an_open_organization_is_a_guest_at_once(
    founder: Callable[[], Visitor], stranger: Visitor
) -> None:
    admin = founder()
    admin("PATCH", "/organization", {"admission": "open"})
    made = stranger.post("/auth/register", registration(admin.company))
    assert (made["status"], made["role"]) == ("active", "guest")
    (row,) = (
        each
        for each in admin.get("/members", Vistory_Min_Position=stranger.seen)["items"]
        if each["person_id"] == made["id"]
    )
    assert row["role"] == "guest"


def test_an_open_organization_that_is_full_takes_nobody_and_tells_a_stranger_no_numbers(
    founder: Callable[[], Visitor], stranger: Visitor
) -> None:
    admin = founder()
    admin("PATCH", "/organization", {"admission": "open", "max_users": 1})
    answer = stranger("POST", "/auth/register", registration(admin.company))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-takes-nobody")
    assert answer.json()["detail"] == "this organization takes nobody at the moment; ask one of its admins"
    admin("PATCH", "/organization", {"max_users": 2})
    assert stranger.post("/auth/register", registration(admin.company))["role"] == "guest"


def test_a_guest_owns_one_project_and_is_told_so(founder: Callable[[], Visitor]) -> None:
    guest = founder().colleague("guest")
    assert guest("POST", "/projects", {"name": "one"}).status_code == 201
    answer = guest("POST", "/projects", {"name": "two"})
    assert answer.status_code == 409
    assert "guest" in answer.json()["detail"]
    assert "project" in answer.json()["detail"]


def test_a_manager_gives_roles_below_its_own_and_an_admin_gives_all(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    manager, other, peer = admin.colleague("manager"), admin.colleague("guest"), admin.colleague("manager")

    def given(by: Visitor, whom: Visitor, role: str) -> int:
        return by("PATCH", f"/admin/users/{whom.id}/role", {"role": role}).status_code

    assert [given(manager, other, role) for role in ("engineer_i", "engineer_ii")] == [200, 200]
    assert [given(manager, other, role) for role in ("manager", "admin")] == [403, 403]
    assert given(manager, peer, "guest") == 403
    assert [given(admin, other, role) for role in ("manager", "admin")] == [200, 200]


def test_a_manager_lets_people_in_with_roles_below_its_own(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    manager, engineer = admin.colleague("manager"), admin.colleague("engineer_ii")
    waiting = Visitor(admin.client).register(admin.company)
    id = membership_id(UUID(waiting.organization), UUID(waiting.id))
    asked = f"/permissions/explain?action=approve_member&target={id}"
    assert manager.get(asked)["allowed"] is True
    assert (engineer.get(asked)["allowed"], engineer.get(asked)["roles"]) == (False, ["admin", "manager"])

    def given(role: str) -> int:
        return manager("POST", f"/members/{id}/approve", {"role": role}).status_code

    assert [given(role) for role in ("manager", "admin")] == [403, 403]
    assert waiting.get("/auth/me")["status"] == "waiting"
    assert given("engineer_ii") == 200
    assert waiting.get("/auth/me")["role"] == "engineer_ii"
