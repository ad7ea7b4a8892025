"""Uploads: what is looked at when, and a commit that takes longer than anybody wants to wait."""

import time
from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api import upload as route
from api.house import House
from infra.preparing import Preparing
from tests.api.folders import listed, picture, scenes, send
from tests.api.visitor import Visitor


@pytest.fixture
def house(client: TestClient) -> House:
    found: House = client.app.state.house  # type: ignore[attr-defined]
    return found


def begun(visitor: Visitor) -> str:
    return str(visitor.post("/datasets", {"name": "Digits"})["id"])


def committed(visitor: Visitor, upload: str) -> tuple[list[int], Any]:
    """Every status on the way, and the answer at last."""
    statuses: list[int] = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = visitor("POST", f"{upload}/commit", {})
        statuses.append(answer.status_code)
        if answer.status_code != 202:
            return statuses, answer.json()
        assert answer.headers["Retry-After"] == "1"
        time.sleep(0.05)
    raise AssertionError("the commit was asked again for a minute, in vain")


def test_what_has_come_is_looked_at_when_asked_again_so_that_the_commit_finds_all_known(
    ann: Visitor, house: House
) -> None:
    folder = scenes()
    upload = send(ann, begun(ann), folder)
    assert ann.post(f"{upload}/files", {"files": listed(folder)})["missing"] == []
    seen = house.blobs.seen(UUID(ann.organization), [each["sha256"] for each in listed(folder)])
    for path, data in folder.items():
        if path.endswith(".png"):
            assert seen[sha256(data).hexdigest()][0] == {"width": 32, "height": 24, "turned": False, "fault": None}
        elif path.endswith(".txt"):
            assert seen[sha256(data).hexdigest()][1] == data


def test_a_commit_that_takes_longer_says_so_and_is_asked_again(
    ann: Visitor, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "PATIENCE", 0.1)
    upload = send(ann, begun(ann), scenes())
    id = upload.rpartition("/")[2]
    with house.core.pool.connection() as other, other.transaction():
        other.execute("SELECT FROM content.uploads WHERE id = %s FOR UPDATE", (id,))
        answer = ann("POST", f"{upload}/commit", {})
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
        assert set(answer.json()) == {"done", "total"}
    statuses, done = committed(ann, upload)
    assert statuses[-1] == 200
    assert done["content"]["images"] == 8
    assert ann("POST", f"{upload}/commit", {}).json()["revision"] == 1


def test_commits_and_batches_that_take_long_keep_nobody_else_waiting(ann: Visitor, house: House) -> None:
    upload, batch = send(ann, begun(ann), scenes()), {"files": listed(scenes())}
    with ThreadPoolExecutor(60) as crowd:
        with house.core.pool.connection() as other, other.transaction():
            other.execute("SELECT FROM content.uploads WHERE id = %s FOR UPDATE", (upload.rpartition("/")[2],))
            asked = [crowd.submit(ann, "POST", f"{upload}/commit", {}) for _ in range(50)]
            asked += [crowd.submit(ann, "POST", f"{upload}/files", batch) for _ in range(10)]
            wait(asked, route.PATIENCE / 5)
            began = time.monotonic()
            for _ in range(5):
                assert ann("GET", "/auth/me").status_code == 200
            assert time.monotonic() - began < route.PATIENCE / 2
        assert {answer.result(60).status_code for answer in asked} <= {200, 202}


def test_what_stands_in_the_way_of_a_long_commit_is_said_when_it_is_asked_again(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "PATIENCE", 0.0)
    statuses, problem = committed(ann, send(ann, begun(ann), {"cat/1.png": b"broken"}))
    assert statuses[-1] == 422
    assert "none of the 1 images can be used" in problem["detail"]


def test_a_process_that_ends_in_between_is_no_loss(ann: Visitor, house: House) -> None:
    dataset = begun(ann)
    upload = send(ann, dataset, scenes())
    named = house.uploads.get(UUID(upload.rpartition("/")[2]), UUID(ann.organization), UUID(dataset))
    first = Preparing(house.contents)
    first.close()
    with pytest.raises(RuntimeError):
        first.ask(named)
    assert house.uploads.state(named.id).prepared is None
    second = Preparing(house.contents)
    working = second.ask(named)
    assert working is not None
    working.future.result(60)
    assert second.ask(named) is None
    second.close()
    assert committed(ann, upload)[0] == [200]


def test_a_strict_refusal_can_be_mended_in_the_same_upload(ann: Visitor) -> None:
    dataset = begun(ann)
    upload = send(ann, dataset, {**scenes(), "images/train/broken.png": b"not an image"})
    assert ann("POST", f"{upload}/commit", {"strict": True}).status_code == 422
    known = scenes()["images/train/0.png"]
    ann.post(f"{upload}/files", {"files": listed({"images/train/broken.png": known})})
    assert ann.post(f"{upload}/commit", {"strict": True})["content"]["images"] == 9


def test_a_named_file_that_never_came_keeps_the_commit_from_being_made(ann: Visitor) -> None:
    dataset = begun(ann)
    upload = send(ann, dataset, scenes())
    ann.post(f"{upload}/files", {"files": listed({"images/train/late.png": picture(240)})})
    answer = ann("POST", f"{upload}/commit", {})
    assert answer.status_code == 422
    assert "images/train/late.png" in answer.json()["detail"]
    assert ann.get(f"/datasets/{dataset}")["revision"] == 0


def test_an_image_whose_bytes_are_gone_is_asked_for_and_not_left_out(ann: Visitor, house: House) -> None:
    dataset, lost = begun(ann), picture(250)
    folder = {**scenes(), "images/train/lost.png": lost}
    upload = send(ann, dataset, folder)
    hidden = {"images/train/lost.bin": lost}
    assert ann.post(f"{upload}/files", {"files": listed(hidden)})["missing"] == [], "there, and not looked at"
    house.blobs.objects.delete(UUID(ann.organization), [sha256(lost).hexdigest()])
    answer = ann("POST", f"{upload}/commit", {})
    assert answer.status_code == 422
    assert "lost.png" in answer.json()["detail"]
    again = send(ann, dataset, folder)
    assert committed(ann, again)[1]["content"]["images"] == 9


def test_an_empty_image_is_called_empty_even_where_an_empty_label_has_the_same_bytes(ann: Visitor) -> None:
    empty = dict.fromkeys(["images/train/empty.png", "labels/train/empty.txt", "notes.md"], b"")
    statuses, done = committed(ann, send(ann, begun(ann), {**scenes(), **empty}))
    assert statuses[-1] == 200
    assert [each["reason"] for each in done["report"]["dropped"]] == ["is empty (0 bytes)"]
