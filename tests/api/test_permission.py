"""May I, why not, and who could let me: over HTTP."""

from collections.abc import Callable
from uuid import UUID

from domain.membership import membership_id
from tests.api.visitor import Visitor


def called(person: Visitor, role: str, within: str) -> dict[str, str]:
    return {"avatar_name": person.get("/auth/me")["avatar_name"], "role": role, "within": within}


def test_who_may_not_is_told_why_what_would_be_enough_and_who_can_give_it(ann: Visitor) -> None:
    project = ann.post("/projects", {"name": "Cells"})["id"]
    ben = ann.colleague("engineer_i")
    asked = f"/permissions/explain?action=rename_project&target={project}"
    found = ben.get(asked, Vistory_Min_Position=ann.seen)
    assert (found["allowed"], found["roles"], found["places"]) == (False, ["admin", "manager"], ["maintainer"])
    # Who owns it is told as that, and not a second time as an admin.
    assert found["granted_by"] == [called(ann, "owner", "project")]
    assert ben("PATCH", f"/projects/{project}", {"name": "Mine"}).json()["detail"] == found["why"]
    ann.post(f"/projects/{project}/members", {"person_id": ben.id, "role": "maintainer"})
    found = ben.get(asked)
    assert (found["allowed"], found["granted_by"]) == (True, [])
    assert found["why"] == "your place in the project includes change_project"


def test_a_refusal_for_want_of_a_right_names_what_may_be_explained(ann: Visitor) -> None:
    project = ann.post("/projects", {"name": "Cells"})["id"]
    ben = ann.colleague("guest")
    refused = ben("PATCH", f"/projects/{project}", {"name": "Mine"}).json()
    assert (refused["action"], refused["target"]) == ("rename_project", project)
    found = ben.get(f"/permissions/explain?action={refused['action']}&target={refused['target']}")
    assert found["why"] == refused["detail"]
    on_nothing = ben("POST", "/datasets", {"name": "Mine"}).json()
    assert (on_nothing["action"], on_nothing.get("target")) == ("create_dataset", None)
    of_the_organization = ben("PATCH", "/organization", {"name": "Mine"}).json()
    assert (of_the_organization["action"], of_the_organization.get("target")) == ("change_organization", None)
    assert "action" not in ben("GET", "/audit").json(), "what is only read is no action"


def test_whoever_could_give_a_place_or_a_role_is_named(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    owner, manager, helper, viewer = (
        admin.colleague(role) for role in ("engineer_i", "manager", "engineer_i", "guest")
    )
    project = owner.post("/projects", {"name": "Cells"})["id"]
    for person, place in ((helper, "maintainer"), (viewer, "viewer")):
        owner.post(f"/projects/{project}/members", {"person_id": person.id, "role": place})
    asking = admin.colleague("engineer_i")
    asked = f"/permissions/explain?action=rename_project&target={project}"
    of_the_project = [called(owner, "owner", "project"), called(helper, "maintainer", "project")]
    found = asking.get(asked, Vistory_Min_Position=admin.seen)["granted_by"]
    assert found == [
        *of_the_project,
        called(admin, "admin", "organization"),
        called(manager, "manager", "organization"),
    ]
    # A guest sees the people of a project, and not who else there is.
    assert viewer.get(asked, Vistory_Min_Position=admin.seen)["granted_by"] == of_the_project


def test_whoever_owns_a_project_and_could_make_nobody_a_maintainer_is_not_named(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    owner, asking = admin.colleague("guest"), admin.colleague("engineer_i")
    project = owner.post("/projects", {"name": "Cells"})["id"]
    asked = f"/permissions/explain?action=rename_project&target={project}"
    found = asking.get(asked, Vistory_Min_Position=admin.seen)["granted_by"]
    assert found == [called(admin, "admin", "organization")]


def test_of_a_private_dataset_a_manager_without_a_place_there_gives_none(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    owner, _, viewer = (admin.colleague(role) for role in ("engineer_i", "manager", "engineer_i"))
    dataset = owner.post("/datasets", {"name": "D", "visibility": "private"})["id"]
    owner.post(f"/datasets/{dataset}/members", {"person_id": viewer.id, "role": "viewer"})
    asked = f"/permissions/explain?action=add_dataset_member&target={dataset}"
    found = viewer.get(asked, Vistory_Min_Position=admin.seen)["granted_by"]
    assert found == [called(owner, "owner", "dataset"), called(admin, "admin", "organization")]


def test_what_else_is_in_the_way_is_told_as_the_command_tells_it(founder: Callable[[], Visitor]) -> None:
    admin = founder().verified()
    guest, manager = admin.colleague("guest"), admin.colleague("manager")
    guest.post("/projects", {"name": "mine"})
    waiting = Visitor(admin.client).register(admin.company)
    admin("PATCH", "/organization", {"max_users": 3})
    membership = membership_id(UUID(admin.organization), UUID(waiting.id))
    admins = membership_id(UUID(admin.organization), UUID(admin.id))
    letter = {"email": "new@example.org"}
    for who, action, target, way, path, body in (
        (guest, "create_project", None, "POST", "/projects", {"name": "another"}),
        (manager, "invite_to_organization", None, "POST", "/invitations", letter),
        (manager, "change_role", admins, "PATCH", f"/admin/users/{admin.id}/role", {"role": "guest"}),
        (admin, "approve_member", membership, "POST", f"/members/{membership}/approve", {"role": "guest"}),
        (admin, "invite_to_organization", None, "POST", "/invitations", letter),
    ):
        on = f"&target={target}" if target else ""
        found = who.get(f"/permissions/explain?action={action}{on}", Vistory_Min_Position=admin.seen)
        assert (found["allowed"], found["why"]) == (False, who(way, path, body).json()["detail"]), action


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
