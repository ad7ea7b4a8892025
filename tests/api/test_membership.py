"""Who comes into which organization, and what may be had there, over HTTP: also by those who come at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from httpx2 import Response
from uuid_utils.compat import uuid7

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
