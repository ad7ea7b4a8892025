"""Who is in a dataset, over HTTP: what a place there opens, and to whom it is closed."""

import pytest

from tests.api.folders import filled, listed, scenes
from tests.api.visitor import Visitor


def private(owner: Visitor) -> str:
    return str(owner.post("/datasets", {"name": "secret", "visibility": "private"})["id"])


def place(owner: Visitor, id: str, person: Visitor, role: str) -> None:
    owner.post(f"/datasets/{id}/members", {"person_id": person.id, "role": role})
    person.seen = owner.seen


def ids(person: Visitor) -> set[str]:
    return {each["id"] for each in person.get("/datasets?limit=1000")["items"]}


def test_a_guest_who_edits_a_dataset_uploads_there_and_nowhere_else(ann: Visitor) -> None:
    guest, here, elsewhere = ann.colleague("guest"), filled(ann), filled(ann)
    place(ann, here, guest, "editor")
    for id, status in ((here, 201), (elsewhere, 403)):
        assert guest("POST", f"/datasets/{id}/uploads", {}).status_code == status
        assert guest("POST", f"/datasets/{id}/snapshot", {"tag": "by-a-guest"}).status_code == status
    assert guest("POST", f"/datasets/{here}/members", {"person_id": ann.id}).status_code == 403


def test_a_viewer_sees_a_private_dataset_until_the_place_is_taken_away(ann: Visitor) -> None:
    viewer, id = ann.colleague("engineer_i"), private(ann)
    assert viewer("GET", f"/datasets/{id}", Vistory_Min_Position=ann.seen).status_code == 404
    place(ann, id, viewer, "viewer")
    assert viewer.get(f"/datasets/{id}")["name"] == "secret"
    assert id in ids(viewer)
    assert viewer.get(f"/audit/entity/dataset/{id}")["items"]
    ann("DELETE", f"/datasets/{id}/members/{viewer.id}")
    assert viewer("GET", f"/datasets/{id}", Vistory_Min_Position=ann.seen).status_code == 404
    viewer.seen = ann.seen
    assert id not in ids(viewer)
    assert viewer("GET", f"/audit/entity/dataset/{id}").status_code == 404


def test_the_members_of_a_dataset_are_listed_with_their_places(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), filled(ann)
    place(ann, id, guest, "viewer")
    ann("PATCH", f"/datasets/{id}/members/{guest.id}", {"role": "editor"})
    (row,) = ann.get(f"/datasets/{id}/members")
    assert (row["dataset_id"], row["person_id"], row["role"]) == (id, guest.id, "editor")
    assert row["avatar_name"].count("-") >= 2
    guest("DELETE", f"/datasets/{id}/members/{guest.id}")
    assert guest.get(f"/datasets/{id}/members") == []


@pytest.mark.parametrize("kind", ["datasets", "projects"])
def test_whoever_left_the_organization_is_listed_nowhere(ann: Visitor, kind: str) -> None:
    gone, stays = ann.colleague("engineer_i"), ann.colleague("guest")
    id = str(ann.post(f"/{kind}", {"name": "shared"})["id"])
    for person in (gone, stays):
        ann.post(f"/{kind}/{id}/members", {"person_id": person.id, "role": "viewer"})
    assert [each["person_id"] for each in ann.get(f"/{kind}/{id}/members")] == [gone.id, stays.id]
    ann("DELETE", f"/admin/users/{gone.id}")
    assert [each["person_id"] for each in ann.get(f"/{kind}/{id}/members")] == [stays.id]


def test_a_private_dataset_is_handed_over_and_the_audit_log_tells_it(ann: Visitor) -> None:
    ben, id = ann.colleague("engineer_i"), private(ann)
    ann.post(f"/datasets/{id}/owner/offer", {"person_id": ben.id})
    ben.seen = ann.seen
    assert ben.get(f"/datasets/{id}")["offered_to"] == ben.id
    ben.post(f"/datasets/{id}/owner/accept")
    found = ben.get(f"/datasets/{id}")
    assert (found["owner_id"], found["offered_to"]) == (ben.id, None)
    assert [each["role"] for each in ben.get(f"/datasets/{id}/members")] == ["maintainer"]
    told = [each["sentence"] for each in ben.get(f"/audit/entity/dataset/{id}")["items"]]
    assert told[:2] == [
        "Ann Ö (engineer_i) took over the dataset secret",
        "Ann Ö (admin) offered the dataset secret to Ann Ö",
    ]


def test_places_are_told_in_the_words_of_datasets(ann: Visitor) -> None:
    ben, id = ann.colleague("guest"), private(ann)
    place(ann, id, ben, "viewer")
    ann("PATCH", f"/datasets/{id}/members/{ben.id}", {"role": "editor"})
    ann("DELETE", f"/datasets/{id}/members/{ben.id}")
    entries = ann.get(f"/audit/entity/dataset/{id}")["items"]
    assert [each["sentence"].partition(") ")[2] for each in entries[:3]] == [
        "removed Ann Ö (editor) from the dataset secret",
        "changed the role of Ann Ö in the dataset secret from viewer to editor",
        "added Ann Ö to the dataset secret as viewer",
    ]
    assert entries[1]["changes"]["role"] == {"old": "viewer", "new": "editor"}


def test_what_a_place_would_allow_is_explained(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), filled(ann)
    asked = f"/permissions/explain?action=make_split&target={id}"
    found = guest.get(asked)
    assert (found["allowed"], found["places"], found["owner"]) == (False, ["maintainer", "editor"], True)
    place(ann, id, guest, "editor")
    assert guest.get(asked)["why"] == "your place in the dataset includes change_dataset"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "members", None),
        ("POST", "members", {"person_id": "{bob}"}),
        ("PATCH", "members/{ann}", {"role": "editor"}),
        ("DELETE", "members/{ann}", None),
        ("DELETE", "members/{bob}", None),
        ("POST", "owner/offer", {"person_id": "{bob}"}),
        *(("POST", f"owner/{word}", {}) for word in ("accept", "decline", "withdraw")),
    ],
)
def test_a_dataset_of_another_organization_is_not_there(
    ann: Visitor, bob: Visitor, method: str, path: str, body: dict[str, str] | None
) -> None:
    id, names = filled(ann), {"ann": ann.id, "bob": bob.id}
    body = body and {name: value.format_map(names) for name, value in body.items()}
    assert bob(method, f"/datasets/{id}/{path.format_map(names)}", body).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"person_id": "{bob}"}, 404),
        ({"person_id": "{ann}"}, 409),
        ({"person_id": "nobody"}, 422),
        ({"person_id": "{bob}", "role": "owner"}, 422),
        ({"person_id": "{bob}", "role": "member"}, 422),
        ({"person_id": "{bob}", "organization_id": "{bob}"}, 422),
        ({}, 422),
    ],
)
def test_a_place_is_given_to_members_of_the_organization_in_roles_of_a_dataset(
    ann: Visitor, bob: Visitor, body: dict[str, str], status: int
) -> None:
    names = {"ann": ann.id, "bob": bob.id}
    named = {name: value.format_map(names) for name, value in body.items()}
    assert ann("POST", f"/datasets/{private(ann)}/members", named).status_code == status


def test_an_upload_that_was_begun_goes_no_further_once_the_place_is_taken_away(ann: Visitor) -> None:
    guest, id = ann.colleague("guest"), filled(ann)
    place(ann, id, guest, "editor")
    upload = guest.post(f"/datasets/{id}/uploads")["id"]
    ann("DELETE", f"/datasets/{id}/members/{guest.id}")
    files = {"files": listed(scenes())}
    assert guest("POST", f"/datasets/{id}/uploads/{upload}/files", files).status_code == 403
    assert guest("POST", f"/datasets/{id}/uploads/{upload}/commit", {}).status_code == 403
