"""A project over HTTP: who works in it, how it is handed over, and what an archived one takes."""

from tests.api.visitor import Visitor


def project(owner: Visitor, name: str = "cells") -> str:
    return str(owner.post("/projects", {"name": name})["id"])


def place(owner: Visitor, id: str, person: Visitor, role: str) -> None:
    owner.post(f"/projects/{id}/members", {"person_id": person.id, "role": role})


def test_a_guest_with_a_place_experiments_there_and_nowhere_else(ann: Visitor) -> None:
    guest, here, elsewhere = ann.colleague("guest"), project(ann), project(ann)
    place(ann, here, guest, "member")
    assert guest("POST", "/experiments", {"project_id": here, "name": "E"}).status_code == 201
    assert guest("POST", "/experiments", {"project_id": elsewhere, "name": "E"}).status_code == 403


def test_whoever_is_removed_may_no_more_at_once(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), project(ann)
    place(ann, id, guest, "maintainer")
    assert guest("PATCH", f"/projects/{id}", {"name": "ours"}).status_code == 200
    assert ann("DELETE", f"/projects/{id}/members/{guest.id}").status_code == 200
    assert guest("PATCH", f"/projects/{id}", {"name": "mine"}).status_code == 403


def test_the_members_of_a_project_are_listed_with_their_places(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), project(ann)
    place(ann, id, guest, "viewer")
    (row,) = ann.get(f"/projects/{id}/members")
    assert (row["person_id"], row["role"]) == (guest.id, "viewer")
    assert row["avatar_name"].count("-") >= 2
    guest("DELETE", f"/projects/{id}/members/{guest.id}")
    assert guest.get(f"/projects/{id}/members") == []


def test_a_project_is_described_to_everybody_who_sees_it(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), project(ann)
    assert ann("PUT", f"/projects/{id}/description", {"description": "Cells, counted."}).status_code == 200
    assert guest.get(f"/projects/{id}", Vistory_Min_Position=ann.seen)["description"] == "Cells, counted."
    assert guest("PUT", f"/projects/{id}/description", {"description": "Mine."}).status_code == 403
    (told,) = ann.get(f"/audit/entity/project/{id}?action=update")["items"]
    assert told["sentence"] == "Ann Ö (admin) described the project cells anew"


def test_another_place_in_a_project_holds_at_once(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), project(ann)
    place(ann, id, guest, "viewer")
    for role, status in (("member", 201), ("viewer", 403)):
        assert ann("PATCH", f"/projects/{id}/members/{guest.id}", {"role": role}).status_code == 200
        assert guest("POST", "/experiments", {"project_id": id, "name": "E"}).status_code == status
        assert [each["role"] for each in ann.get(f"/projects/{id}/members")] == [role]
    stranger = ann.colleague("guest")
    answer = ann("PATCH", f"/projects/{id}/members/{stranger.id}", {"role": "member"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:person-has-no-place")


def test_whoever_owns_a_project_neither_leaves_it_nor_is_removed(ann: Visitor) -> None:
    owner = ann.colleague("engineer_i")
    id = project(owner)
    for visitor in (owner, ann):
        answer = visitor("DELETE", f"/projects/{id}/members/{owner.id}")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:owner-is-needed")
        assert answer.json()["detail"].endswith("needs its owner: hand it over to somebody first")
    assert owner("PATCH", f"/projects/{id}", {"name": "still mine"}).status_code == 200


def test_a_project_is_handed_over_and_the_audit_log_names_both(ann: Visitor) -> None:
    ben, id = ann.colleague("engineer_i"), project(ann)
    ann.post(f"/projects/{id}/owner/offer", {"person_id": ben.id})
    assert ann.get(f"/projects/{id}")["offered_to"] == ben.id
    ben.post(f"/projects/{id}/owner/accept")
    found = ben.get(f"/projects/{id}")
    assert (found["owner_id"], found["offered_to"]) == (ben.id, None)
    ann.seen = ben.seen
    told = [each["sentence"] for each in ann.get(f"/audit/entity/project/{id}")["items"]]
    assert told[0] == "Ann Ö (engineer_i) took over the project cells"
    assert told[1] == "Ann Ö (admin) offered the project cells to Ann Ö"


def test_leaving_and_declining_are_told_as_such(ann: Visitor) -> None:
    ben, id = ann.colleague("engineer_i"), project(ann)
    place(ann, id, ben, "viewer")
    ann.post(f"/projects/{id}/owner/offer", {"person_id": ben.id})
    ben.post(f"/projects/{id}/owner/decline")
    ben("DELETE", f"/projects/{id}/members/{ben.id}")
    told = [each["sentence"] for each in ben.get(f"/audit/entity/project/{id}")["items"]]
    assert told[:2] == [
        "Ann Ö (engineer_i) left the project cells",
        "Ann Ö (engineer_i) declined to own the project cells",
    ]


def test_an_archived_project_takes_nothing_and_is_listed_apart(ann: Visitor) -> None:
    id, other = project(ann, "over"), project(ann, "goes on")
    ann.post(f"/projects/{id}/archive")
    refused = ann("POST", "/experiments", {"project_id": id, "name": "late"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:vistory:problem:project-is-archived")
    listed = {each["id"] for each in ann.get("/projects?archived=false")["items"]}
    assert other in listed
    assert id not in listed
    assert [each["id"] for each in ann.get("/projects?archived=true")["items"]] == [id]
    ann.post(f"/projects/{id}/restore")
    assert ann("POST", "/experiments", {"project_id": id, "name": "in time"}).status_code == 201


def test_nobody_of_another_organization_comes_into_a_project(ann: Visitor, bob: Visitor) -> None:
    id = project(ann)
    answer = ann("POST", f"/projects/{id}/members", {"person_id": bob.id})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:vistory:problem:not-found")
    assert bob("POST", f"/projects/{id}/owner/accept").status_code == 404


def test_the_log_of_a_project_is_of_what_is_in_it_and_of_nothing_else(ann: Visitor) -> None:
    here, elsewhere = project(ann, "here"), project(ann, "elsewhere")
    for id in (here, elsewhere):
        ann.post("/experiments", {"project_id": id, "name": "baseline"})
    ann("PATCH", f"/projects/{here}", {"name": "renamed"})
    assert [each["sentence"].partition(") ")[2] for each in ann.get(f"/audit/project/{here}")["items"]] == [
        "renamed the project here to renamed",
        "created the experiment baseline",
        "created the project renamed",
    ]
    assert [each["action"] for each in ann.get(f"/audit/project/{here}?action=create&limit=1")["items"]] == ["create"]


def test_a_deleted_project_is_in_the_trash_and_its_name_is_free(ann: Visitor, bob: Visitor) -> None:
    id = ann.post("/projects", {"name": "for the trash"})["id"]
    assert bob("DELETE", f"/projects/{id}").status_code == 404
    assert ann("DELETE", f"/projects/{id}").status_code == 200
    assert id not in {each["id"] for each in ann.get("/projects?limit=1000")["items"]}
    (trashed,) = [each for each in ann.get("/projects?deleted=true&limit=1000")["items"] if each["id"] == id]
    assert trashed["purge_at"] > trashed["updated_at"]
    answer = ann("POST", "/experiments", {"project_id": id, "name": "E"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:is-deleted")
    ann.post(f"/projects/{id}/undelete")
    assert id in {each["id"] for each in ann.get("/projects?limit=1000")["items"]}
    said = [entry["sentence"] for entry in ann.get(f"/audit/entity/project/{id}")["items"]]
    assert any("put the project for the trash into the trash" in each for each in said)
