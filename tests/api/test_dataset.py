from hashlib import sha256

import httpx2

from tests.api.folders import filled, listed, picture, push, scenes, send
from tests.api.visitor import Visitor

KIND = ("cat", "dog")


def test_a_folder_is_analysed_by_its_names_before_anything_is_sent(ann: Visitor) -> None:
    found = ann.post("/datasets/analyze", {"files": listed(scenes())})
    assert (found["layout"], found["task"], found["images"], found["labels"]) == ("yolo", "detection", 8, 8)
    assert found["split"] == {"train": 4, "val": 2, "test": 2}


def test_a_folder_becomes_a_revision_with_its_report_and_its_split(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Ziffern 🙂"})["id"]
    done = push(ann, dataset, scenes())
    assert done["revision"] == 1
    assert done["content"]["images"] == 8
    assert done["content"]["classes"] == ["zero", "one"]
    assert (done["report"]["images_in"], done["report"]["images_out"]) == (8, 8)
    assert (done["split"]["method"], done["split"]["train"], done["split"]["test"]) == ("manual", 4, 2)
    row = ann.get(f"/datasets/{dataset}")
    assert (row["name"], row["images"], row["revision"]) == ("Ziffern 🙂", 8, 1)
    assert ann.get(f"/datasets/{dataset}/report") == done["report"]
    assert ann.get(f"/datasets/{dataset}/split") == done["split"] | {"sides": done["report"]["sides"]}


def test_images_are_listed_page_by_page_with_an_address_that_works(ann: Visitor) -> None:
    dataset = filled(ann)
    first = ann.get(f"/datasets/{dataset}/images?limit=5")
    rest = ann.get(f"/datasets/{dataset}/images?limit=5&after={first['next']}")
    paths = [image["path"] for page in (first, rest) for image in page["items"]]
    assert paths == sorted(path for path in scenes() if path.endswith(".png"))
    assert rest["next"] is None
    image = first["items"][0]
    assert (image["side"], image["width"], image["height"]) == ("test", 32, 24)
    assert image["annotations"][0]["box"] == ["0.500000", "0.500000", "0.250000", "0.500000"]
    assert sha256(httpx2.get(image["url"], trust_env=False).content).hexdigest() == image["sha256"]


def test_images_of_one_side_only(ann: Visitor) -> None:
    found = ann.get(f"/datasets/{filled(ann)}/images?side=val")
    assert [image["path"] for image in found["items"]] == ["images/val/0.png", "images/val/1.png"]


def test_only_what_is_missing_travels(ann: Visitor) -> None:
    dataset = filled(ann)
    upload = ann.post(f"/datasets/{dataset}/uploads")["id"]
    more = {**scenes(), "images/train/new.png": picture(200)}
    missing = ann.post(f"/datasets/{dataset}/uploads/{upload}/files", {"files": listed(more)})["missing"]
    assert [each["sha256"] for each in missing] == [sha256(picture(200)).hexdigest()]


def test_whether_something_is_there_is_not_told_to_another_organization(ann: Visitor, bob: Visitor) -> None:
    filled(ann)
    dataset = bob.post("/datasets", {"name": "Mine"})["id"]
    upload = bob.post(f"/datasets/{dataset}/uploads")["id"]
    missing = bob.post(f"/datasets/{dataset}/uploads/{upload}/files", {"files": listed(scenes())})["missing"]
    assert len(missing) == len({each["sha256"] for each in listed(scenes())})


def test_the_store_refuses_bytes_that_do_not_have_the_hash_they_claim(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = f"/datasets/{dataset}/uploads/" + ann.post(f"/datasets/{dataset}/uploads")["id"]
    claimed = picture(251)
    [one] = ann.post(f"{upload}/files", {"files": listed({"a/1.png": claimed})})["missing"]
    other = bytes(len(claimed))
    assert httpx2.put(one["url"], headers=one["headers"], content=other, trust_env=False).status_code >= 400
    answer = ann("POST", f"{upload}/commit", {})
    assert answer.status_code == 422
    assert "a/1.png" in answer.json()["detail"]


def test_what_concerns_one_image_is_left_out_and_named(ann: Visitor) -> None:
    folder = {**scenes(), "images/train/broken.png": b"\x89PNG not an image", "images/train/empty.png": b""}
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    done = push(ann, dataset, folder)
    assert done["content"]["images"] == 8
    assert {each["path"] for each in done["report"]["dropped"]} == {"images/train/broken.png", "images/train/empty.png"}


def test_strict_refuses_the_whole(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = send(ann, dataset, {**scenes(), "images/train/broken.png": b"not an image"})
    answer = ann("POST", f"{upload}/commit", {"strict": True})
    assert answer.status_code == 422
    assert "broken.png" in answer.json()["detail"]
    assert ann.get(f"/datasets/{dataset}")["revision"] == 0


def test_hostile_names_are_refused(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = f"/datasets/{dataset}/uploads/" + ann.post(f"/datasets/{dataset}/uploads")["id"]
    for path in ("../a.png", "/etc/a.png", "a\x00.png", "x" * 300 + ".png", "a//b.png", "C:/a.png"):
        answer = ann("POST", f"{upload}/files", {"files": listed({path: b"x"})})
        assert answer.status_code == 422, path


def test_two_names_that_differ_only_in_case_are_refused(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = send(ann, dataset, {"cat/A.png": picture(1), "cat/a.png": picture(2)})
    assert ann("POST", f"{upload}/commit", {}).status_code == 422


def test_an_upload_without_images_is_refused(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = send(ann, dataset, {"readme.md": b"nothing to see"})
    assert ann("POST", f"{upload}/commit", {}).status_code == 422


def test_a_split_is_made_and_a_snapshot_fixes_it(ann: Visitor) -> None:
    dataset = filled(ann)
    ratios = {"train": 0.5, "val": 0.25, "test": 0.25}
    split = ann.post(f"/datasets/{dataset}/split", {"method": "auto", "ratios": ratios, "seed": 3})["split"]
    assert (split["train"], split["val"], split["test"]) == (4, 2, 2)
    taken = ann.post(f"/datasets/{dataset}/snapshot", {"tag": "v1"})
    [snapshot] = ann.get(f"/datasets/{dataset}/snapshots")["items"]
    assert (snapshot["id"], snapshot["tag"]) == (taken["id"], "v1")
    assert snapshot["split"] | {"sides": split["sides"]} == split
    assert ann("POST", f"/datasets/{dataset}/snapshot", {"tag": "v1"}).status_code == 409


def test_ratios_that_do_not_add_up_are_the_callers_mistake(ann: Visitor) -> None:
    body = {"method": "auto", "ratios": {"train": 0.5, "val": 0.1, "test": 0.1}}
    answer = ann("POST", f"/datasets/{filled(ann)}/split", body)
    assert answer.status_code == 422
    assert "add up to 1" in answer.json()["detail"]


def test_two_datasets_are_compared_in_counts(ann: Visitor) -> None:
    a, b = filled(ann), filled(ann, {**scenes(), "images/train/new.png": picture(200)})
    found = ann.get(f"/datasets/compare?dataset_a={a}&dataset_b={b}")
    assert (found["added"], found["removed"]) == (1, 0)


def test_a_private_dataset_is_not_there_for_others(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Mine", "visibility": "private"})["id"]
    engineer = ann.colleague("engineer_ii")
    assert engineer("GET", f"/datasets/{dataset}").status_code == 404
    assert engineer("GET", f"/datasets/{dataset}/images").status_code == 404
    assert dataset not in {row["id"] for row in engineer.get("/datasets", Vistory_Min_Position=ann.seen)["items"]}
    assert ann.get(f"/datasets/{dataset}")["visibility"] == "private"


def test_a_split_shows_the_classes_of_each_side_and_keeps_groups_together(ann: Visitor) -> None:
    dataset = filled(ann, {f"{name}/video-{n % 6}_{n}.png": picture(n) for n in range(1, 60) for name in [KIND[n % 2]]})
    groups = {"by": "pattern", "pattern": "video-{group}_*"}
    made = ann.post(f"/datasets/{dataset}/split", {"groups": groups, "seed": 3})["split"]
    assert made["grouped"] == {"rule": groups, "groups": 6, "alone": 0}
    assert [table["side"] for table in made["sides"]] == ["train", "val", "test"]
    assert sum(line["images"] for table in made["sides"] for line in table["classes"]) == 59
    assert ann.get(f"/datasets/{dataset}/split") == made
    side_of = {image["path"]: image["side"] for image in ann.get(f"/datasets/{dataset}/images?limit=100")["items"]}
    assert len({(path.partition("video-")[2][0], side) for path, side in side_of.items()}) == 6


def test_a_rule_that_groups_nothing_is_refused(ann: Visitor) -> None:
    groups = {"by": "pattern", "pattern": "patient-{group}_*"}
    answer = ann("POST", f"/datasets/{filled(ann)}/split", {"groups": groups})
    assert answer.status_code == 422
    assert "no image is in a group" in answer.json()["detail"]


def test_the_report_has_the_classes_of_each_side_of_a_split_that_came_along(ann: Visitor) -> None:
    dataset = filled(ann)
    sides = ann.get(f"/datasets/{dataset}/report")["sides"]
    assert [(table["side"], table["images"]) for table in sides] == [("train", 4), ("val", 2), ("test", 2)]
    assert sides[0]["classes"] == [
        {"name": "zero", "images": 2, "annotations": 2},
        {"name": "one", "images": 2, "annotations": 2},
    ]
    assert ann.get(f"/datasets/{dataset}/split")["sides"] == sides


def test_a_folder_too_large_for_one_request_is_analysed_from_what_was_named(ann: Visitor) -> None:
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    upload = f"/datasets/{dataset}/uploads/" + ann.post(f"/datasets/{dataset}/uploads")["id"]
    for part in (listed(scenes())[:7], listed(scenes())[7:]):
        ann.post(f"{upload}/files", {"files": part})
    assert ann.get(f"{upload}/analysis") == ann.post("/datasets/analyze", {"files": listed(scenes())})
