"""May I, why not, and who could let me: over HTTP."""

from tests.api.visitor import Visitor


def test_who_may_not_is_told_why_what_would_be_enough_and_who_can_give_it(ann: Visitor) -> None:
    project = ann.post("/projects", {"name": "Cells"})["id"]
    ben = ann.colleague("engineer_i")
    asked = f"/permissions/explain?action=rename_project&target={project}"
    found = ben.get(asked, Vistory_Min_Position=ann.seen)
    assert (found["allowed"], found["roles"], found["places"]) == (False, ["admin", "manager"], ["maintainer"])
    assert {"avatar_name": ann.get("/auth/me")["avatar_name"], "role": "admin"} in found["granted_by"]
    assert ben("PATCH", f"/projects/{project}", {"name": "Mine"}).json()["detail"] == found["why"]
    ann.post(f"/projects/{project}/members", {"person_id": ben.id, "role": "maintainer"})
    found = ben.get(asked)
    assert (found["allowed"], found["granted_by"]) == (True, [])
    assert found["why"] == "your place in the project includes change_project"


def test_a_guest_is_not_told_who_is_there(ann: Visitor) -> None:
    found = ann.colleague("guest").get("/permissions/explain?action=create_dataset", Vistory_Min_Position=ann.seen)
    assert (found["allowed"], found["granted_by"]) == (False, [])
    assert "engineer_i" in found["roles"]


def test_what_is_another_organizations_is_not_there_and_nonsense_is_refused(ann: Visitor, bob: Visitor) -> None:
    project = ann.post("/projects", {"name": "Cells"})["id"]
    asked = "/permissions/explain?action"
    assert bob("GET", f"{asked}=rename_project&target={project}").status_code == 404
    answer = ann("GET", f"{asked}=rule_the_world")
    assert answer.status_code == 422
    assert "docs/permissions.md" in answer.json()["detail"]
