"""Uploads end, and what came for nothing goes: whatever nobody names in the end takes no room."""

from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient

from domain.errors import NotFound
from infra import uploads as of_uploads
from infra.blobs import Named
from infra.contents import DatasetContents
from infra.room import Room, Rooms
from infra.uploads import Uploads
from tests.api.folders import filled, listed, picture, scenes, send
from tests.api.visitor import Visitor
from tests.api.worker import Worker, evidence, requested
from tests.api.yard import Yard

WEEK, DAY, QUARTER = timedelta(days=7, minutes=1), timedelta(days=1, minutes=1), timedelta(minutes=16)


@pytest.fixture
def ada(client: TestClient) -> Visitor:
    return Visitor(client).register(company=f"Company {uuid4()}")


@pytest.fixture
def rooms(yard: Yard) -> Rooms:
    return Rooms(yard.core.pool, yard.trash.blobs)


def let_pass(yard: Yard, time: timedelta) -> None:
    with yard.core.pool.connection() as connection:
        connection.execute("UPDATE content.uploads SET used_at = used_at - %s", [time])
        connection.execute(
            "UPDATE content.blobs SET promised_until = promised_until - %s, awaited_until = awaited_until - %s",
            [time, time],
        )


def begun(visitor: Visitor) -> str:
    dataset: str = visitor.post("/datasets", {"name": f"Digits {uuid4()}"})["id"]
    return dataset


def of(data: bytes) -> Named:
    return Named(sha256(data).hexdigest(), len(data))


def rows(yard: Yard, visitor: Visitor) -> int:
    with yard.core.pool.connection() as connection:
        query = "SELECT count(*) FROM content.blobs WHERE organization_id = %s"
        return int((connection.execute(query, [visitor.organization]).fetchone() or (0,))[0])


def test_an_upload_that_nobody_uses_for_a_week_ends_with_what_it_alone_names(ada: Visitor, yard: Yard) -> None:
    kept = filled(ada)
    before = yard.objects(ada), yard.room(ada)
    upload = send(ada, begun(ada), scenes(6))
    ada.post(f"{upload}/files", {"files": listed(scenes(6))})
    assert yard.room(ada).stored > before[1].stored
    yard.look_up()
    assert ada("GET", f"{upload}/analysis").status_code == 200
    let_pass(yard, WEEK)
    yard.look_up()
    assert yard.room(ada) == before[1]
    assert ada("GET", f"{upload}/analysis").status_code == 404
    yard.sweep()
    assert yard.objects(ada) == before[0]
    ada.get(f"/datasets/{kept}/report")


def test_whoever_may_write_drops_an_upload_and_has_its_room_back(ada: Visitor, yard: Yard) -> None:
    upload = send(ada, begun(ada), scenes())
    ada.post(f"{upload}/files", {"files": listed(scenes())})
    assert ada("DELETE", upload).status_code == 200
    for method, path, body in (
        ("POST", "/files", {"files": []}),
        ("GET", "/analysis", None),
        ("POST", "/commit", {}),
        ("DELETE", "", None),
    ):
        assert ada(method, f"{upload}{path}", body).status_code == 404, path
    yard.look_up()
    assert yard.room(ada) == Room()
    yard.sweep()
    assert yard.objects(ada) == set()


def test_the_last_upload_that_was_committed_stays_so_that_the_same_folder_is_pushed_for_nothing(
    ada: Visitor, yard: Yard
) -> None:
    dataset = begun(ada)
    first = send(ada, dataset, scenes(2))
    ada.post(f"{first}/commit", {})
    ada.post(f"{send(ada, dataset, scenes())}/commit", {})
    let_pass(yard, WEEK)
    yard.look_up()
    yard.sweep()
    assert ada("GET", f"{first}/analysis").status_code == 404
    again = ada.post(f"/datasets/{dataset}/uploads")["id"]
    named = {"files": listed(scenes())}
    assert ada.post(f"/datasets/{dataset}/uploads/{again}/files", named)["missing"] == []


def test_so_many_uploads_are_open_at_once_and_no_more(
    ada: Visitor, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_uploads, "MOST_OPEN", 2)
    dataset = begun(ada)
    first, _ = (ada.post(f"/datasets/{dataset}/uploads")["id"] for _ in range(2))
    refused = ada("POST", f"/datasets/{dataset}/uploads")
    assert (refused.status_code, "2 uploads into this dataset are open" in refused.text) == (409, True)
    ada("DELETE", f"/datasets/{dataset}/uploads/{first}")
    ada("POST", f"{send(ada, dataset, scenes())}/commit", {})
    ada.post(f"/datasets/{dataset}/uploads")


def test_what_a_commit_needs_that_has_begun_is_not_taken(
    ada: Visitor, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper found the upload unused a moment before somebody asked for its commit."""
    dataset = begun(ada)
    upload = send(ada, dataset, scenes())
    let_pass(yard, WEEK)
    ended = [each for each in yard.trash.ended() if str(each.id) in upload]
    assert ended
    prepared = DatasetContents._prepared

    def meanwhile(self: DatasetContents, *given: Any) -> Any:
        for each in ended:
            yard.trash.drop(each)
        yard.look_up()
        return prepared(self, *given)

    monkeypatch.setattr(DatasetContents, "_prepared", meanwhile)
    ada.post(f"{upload}/commit", {})
    yard.look_up()
    yard.sweep()
    for each in ada.get(f"/datasets/{dataset}/images")["items"]:
        assert httpx2.get(each["url"], trust_env=False).is_success


def test_what_is_dropped_while_it_is_committed_is_refused_or_whole(
    ada: Visitor, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files were read when somebody else drops it, and freed before the revision is kept."""
    dataset = begun(ada)
    upload = send(ada, dataset, scenes())
    prepare = DatasetContents.prepare

    def meanwhile(self: DatasetContents, *given: Any, **strict: Any) -> Any:
        prepared = prepare(self, *given, **strict)
        ada("DELETE", upload)
        yard.look_up()
        return prepared

    monkeypatch.setattr(DatasetContents, "prepare", meanwhile)
    ada.post(f"{upload}/commit", {})
    yard.look_up()
    yard.sweep()
    images = ada.get(f"/datasets/{dataset}/images")["items"]
    assert len(images) == 8
    for each in images:
        assert httpx2.get(each["url"], trust_env=False).is_success


def test_nothing_is_named_in_an_upload_that_has_ended(ada: Visitor, yard: Yard) -> None:
    upload = UUID(ada.post(f"/datasets/{begun(ada)}/uploads")["id"])
    let_pass(yard, WEEK)
    yard.look_up()
    with pytest.raises(NotFound):
        Uploads(yard.core.pool).add(upload, [])


def test_what_was_put_where_an_address_led_and_nobody_named_goes(ada: Visitor, yard: Yard, rooms: Rooms) -> None:
    """As where whoever asked for it was gone before it was named."""
    organization, data = UUID(ada.organization), picture(7)
    named = of(data)
    rooms.promise(organization, [named], lambda *_: None)
    place = yard.trash.blobs.place(organization, named)
    assert httpx2.put(place.url, headers=dict(place.headers), content=data, trust_env=False).is_success
    let_pass(yard, QUARTER)
    rooms.settle()
    assert yard.room(ada) == Room(len(data), 0)
    yard.look_up()
    assert yard.room(ada) == Room()
    yard.sweep()
    assert yard.objects(ada) == set()
    assert rows(yard, ada) == 0


def test_what_comes_after_its_promise_is_looked_for_a_day_later(ada: Visitor, yard: Yard, rooms: Rooms) -> None:
    organization, data = UUID(ada.organization), picture(8)
    named, never = of(data), of(b"never sent")
    rooms.promise(organization, [named, never], lambda *_: None)
    let_pass(yard, QUARTER)
    rooms.settle()
    assert (yard.room(ada), rows(yard, ada)) == (Room(), 2)
    yard.trash.blobs.objects.put(organization, named.sha256, data)
    let_pass(yard, DAY)
    rooms.settle()
    assert (yard.room(ada), rows(yard, ada)) == (Room(len(data), 0), 1)
    yard.look_up()
    yard.sweep()
    assert (yard.objects(ada), rows(yard, ada)) == (set(), 0)


def test_the_model_of_an_attempt_that_was_given_away_goes(
    ada: Visitor, worker: Worker, yard: Yard, rooms: Rooms
) -> None:
    job = requested(ada, filled(ada))
    attempt = worker.claim(job["id"])
    attempt.start()
    attempt.checkpoint(1, b"a checkpoint that is named")
    before = yard.objects(ada)
    attempt.keep(b"a model that nobody hears of")
    assert yard.room(ada).promised > 0
    attempt.report("fail", evidence())
    let_pass(yard, QUARTER)
    rooms.settle()
    yard.look_up()
    yard.sweep()
    assert yard.objects(ada) == before


def test_what_a_refused_report_brought_goes(ada: Visitor, worker: Worker, yard: Yard) -> None:
    job = requested(ada, filled(ada))
    attempt = worker.claim(job["id"])
    attempt.start()
    before = yard.objects(ada)
    late = attempt.keep(b"a checkpoint that came too late")
    attempt.report("fail", evidence())
    refused = attempt("POST", f"{attempt.path}/checkpoints", {"checkpoint": {"epoch": 2, **late}})
    assert refused.status_code == 409
    yard.look_up()
    yard.sweep()
    assert yard.objects(ada) == before
