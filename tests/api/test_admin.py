"""Administration over HTTP: who is found, and that whoever is shut out is out at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from httpx2 import Response

from tests.api.visitor import PASSWORD, Visitor, good


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def test_people_are_found_by_words_role_and_standing(admin: Visitor) -> None:
    guest, engineer = admin.colleague("guest"), admin.colleague("engineer_i")
    waiting = Visitor(admin.client).register(admin.company)
    admin.post(f"/admin/users/{guest.id}/deactivate")

    def found(query: str) -> set[str]:
        return {each["person_id"] for each in admin.get(f"/admin/users?{query}")["items"]}

    assert found(f"q={engineer.email.upper()}") == {engineer.id}
    assert found("q=%25") == set()
    assert found("role=engineer_i") == {engineer.id}
    assert found("status=waiting") == {waiting.id}
    assert found("status=deactivated") == {guest.id}
    assert found("status=active") == {admin.id, engineer.id}
    assert found("") == {admin.id, guest.id, engineer.id, waiting.id}


@pytest.mark.parametrize("words", ["", "&q=@"])
def test_the_pages_of_a_search_hold_everybody_once(admin: Visitor, words: str) -> None:
    people = {admin.colleague("guest").id for _ in range(3)} | {admin.id}
    first = admin.get(f"/admin/users?limit=3{words}")
    second = admin.get(f"/admin/users?limit=3{words}&after={first['next']}")
    assert second["next"] is None
    assert sorted(each["person_id"] for each in first["items"] + second["items"]) == sorted(people)


def test_whoever_is_not_among_the_newest_is_found_too(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.admin.LOOKED_THROUGH", 2)
    people = {admin.id} | {admin.colleague("guest").id for _ in range(4)}
    pages = [admin.get("/admin/users?q=@&limit=1")]
    while (after := pages[-1]["next"]) is not None:
        pages.append(admin.get(f"/admin/users?q=@&limit=1&after={after}"))
    assert {each["person_id"] for page in pages for each in page["items"]} == people
    assert len(pages) == len(people)
    assert {each["person_id"] for each in admin.get(f"/admin/users?q={admin.email}")["items"]} == {admin.id}


def test_whoever_is_deactivated_is_out_at_once_and_signs_in_no_more(admin: Visitor) -> None:
    engineer = admin.colleague("engineer_i")
    admin.post(f"/admin/users/{engineer.id}/deactivate")
    assert engineer("GET", "/projects").status_code == 401
    assert engineer("GET", "/auth/me").status_code == 401
    login = engineer("POST", "/auth/login", {"email": engineer.email, "password": PASSWORD})
    assert (login.status_code, "deactivated" in login.json()["detail"]) == (401, True)
    admin.post(f"/admin/users/{engineer.id}/reactivate")
    assert engineer("POST", "/datasets", {"name": "back"}).status_code == 201


def test_whoever_is_removed_is_nobody_here_and_may_be_let_in_anew(admin: Visitor) -> None:
    engineer = admin.colleague("engineer_i")
    assert admin("DELETE", f"/admin/users/{engineer.id}").status_code == 200
    assert engineer("GET", "/projects").status_code == 401
    assert engineer.id not in {each["person_id"] for each in admin.get("/members")["items"]}
    assert admin("GET", f"/admin/users/{engineer.id}", Vistory_Min_Position=admin.seen).status_code == 404
    said = [entry["sentence"] for entry in admin.get("/audit/organization?action=delete")["items"]]
    assert any("removed Ann Ö from the organization" in each for each in said)


def test_who_was_removed_sees_sessions_of_their_own_to_end_them_and_nothing_else(ann: Visitor) -> None:
    gone = ann.colleague("guest")
    good(ann("DELETE", f"/admin/users/{gone.id}"))
    assert [each["current"] for each in gone.get("/auth/sessions")] == [True]
    assert gone("GET", "/auth/me").status_code == 401


def test_of_two_admins_who_demote_each_other_at_once_one_stays(admin: Visitor) -> None:
    for _ in range(5):
        other = admin.colleague("admin")
        both = Barrier(2)

        def demote(who: Visitor, whom: Visitor, both: Barrier = both) -> Response:
            both.wait()
            return who("PATCH", f"/admin/users/{whom.id}/role", {"role": "guest"})

        with ThreadPoolExecutor(2) as threads:
            answers = [threads.submit(demote, admin, other), threads.submit(demote, other, admin)]
        statuses = [each.result().status_code for each in answers]
        assert sorted(statuses) in ([200, 403], [200, 409])
        if statuses[1] == 200:
            assert other("PATCH", f"/admin/users/{admin.id}/role", {"role": "admin"}).status_code == 200


def test_the_last_admin_is_told_to_name_another_first(admin: Visitor) -> None:
    for method, path in (("DELETE", ""), ("POST", "/deactivate")):
        answer = admin(method, f"/admin/users/{admin.id}{path}")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-needs-an-admin")


def test_the_last_admin_who_can_act_stays_until_another_one_has_verified_an_address(admin: Visitor) -> None:
    heir = admin.approve(Visitor(admin.client).arrive(admin.company), "admin")
    wishes = (
        ("DELETE", f"/admin/users/{admin.id}", None),
        ("POST", f"/admin/users/{admin.id}/deactivate", None),
        ("PATCH", f"/admin/users/{admin.id}/role", {"role": "guest"}),
        ("DELETE", "/users/me", None),
    )
    for method, path, body in wishes:
        answer = admin(method, path, body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-needs-an-admin")
        assert "no admin who has verified an address" in answer.json()["detail"]
    heir.verified()
    assert admin("DELETE", f"/admin/users/{admin.id}").status_code == 200
    assert heir.post("/projects", {"name": "led on"})["id"]


def test_whoever_owns_a_project_is_removed_once_it_is_handed_over(admin: Visitor) -> None:
    owner, heir = admin.colleague("engineer_i"), admin.colleague("engineer_i")
    id = owner.post("/projects", {"name": "theirs"})["id"]
    answer = admin("DELETE", f"/admin/users/{owner.id}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:member-owns-projects")
    assert "owns 1 of the organization's projects; hand them over first" in answer.json()["detail"]
    assert owner.get(f"/projects/{id}")["owner_id"] == owner.id
    owner.post(f"/projects/{id}/owner/offer", {"person_id": heir.id})
    heir.post(f"/projects/{id}/owner/accept")
    assert admin("DELETE", f"/admin/users/{owner.id}").status_code == 200
    assert owner("GET", "/projects").status_code == 401


def test_whoever_owns_two_projects_hands_one_over_before_becoming_a_guest(admin: Visitor) -> None:
    owner, heir = admin.colleague("engineer_i"), admin.colleague("engineer_i")
    id, _ = (owner.post("/projects", {"name": name})["id"] for name in ("one", "two"))
    answer = admin("PATCH", f"/admin/users/{owner.id}/role", {"role": "guest"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:member-owns-projects")
    assert "a guest may own one project, and this person owns 2" in answer.json()["detail"]
    owner.post(f"/projects/{id}/owner/offer", {"person_id": heir.id})
    heir.post(f"/projects/{id}/owner/accept")
    assert admin("PATCH", f"/admin/users/{owner.id}/role", {"role": "guest"}).status_code == 200


def test_what_whoever_is_deactivated_owns_is_led_on_and_handed_over_by_others(admin: Visitor) -> None:
    """So nobody has to wait for a successor who shuts out an account that somebody else is in."""
    owner, manager, heir = (admin.colleague(role) for role in ("engineer_i", "manager", "engineer_i"))
    id = owner.post("/projects", {"name": "theirs"})["id"]
    admin.post(f"/admin/users/{owner.id}/deactivate")
    assert owner("PATCH", f"/projects/{id}", {"name": "mine"}).status_code == 401
    assert manager("PATCH", f"/projects/{id}", {"name": "ours"}).status_code == 200
    manager.post(f"/projects/{id}/members", {"person_id": heir.id, "role": "maintainer"})
    manager.post(f"/projects/{id}/owner/offer", {"person_id": heir.id})
    heir.post(f"/projects/{id}/owner/accept")
    admin.post(f"/admin/users/{owner.id}/reactivate")
    found = heir.get(f"/projects/{id}", Vistory_Min_Position=admin.seen)
    assert (found["name"], found["owner_id"]) == ("ours", heir.id)
    assert [(each["person_id"], each["role"]) for each in heir.get(f"/projects/{id}/members")] == [
        (owner.id, "maintainer")
    ]


def test_another_organizations_people_are_not_there(admin: Visitor, bob: Visitor) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/deactivate"), ("POST", "/reactivate")):
        assert admin(method, f"/admin/users/{bob.id}{path}").status_code == 404
    assert bob("GET", "/auth/me").status_code == 200


def test_a_name_that_was_changed_is_the_one_that_everybody_reads(admin: Visitor) -> None:
    engineer = admin.colleague("engineer_i")
    assert admin("PATCH", f"/admin/users/{engineer.id}", {"full_name": "Corrected"}).status_code == 200
    assert admin.get(f"/admin/users/{engineer.id}")["full_name"] == "Corrected"
    assert engineer("PATCH", "/users/me", {"full_name": "My Own"}).status_code == 200
    assert engineer("GET", "/auth/me").json()["full_name"] == "My Own"
    assert admin.get(f"/admin/users/{engineer.id}", Vistory_Min_Position=engineer.seen)["full_name"] == "My Own"
    log = admin.get("/audit/organization?entity_type=person", Vistory_Min_Position=engineer.seen)["items"]
    names = {each["actor_name"] for each in log}
    assert "My Own" in names
    assert "Corrected" not in names
    renamed = [each["changes"]["full_name"] for each in log if each["topic"] == "person.renamed"]
    assert renamed[0] == {"old": "Corrected", "new": "My Own"}
