"""What is purged frees what nobody else names, whoever comes in between and whatever breaks down meanwhile."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient
from obstore.exceptions import GenericError
from prometheus_client import REGISTRY

from commands.access import Command
from commands.experiment import LinkMlflowExperiment
from commands.ports import Accepted
from commands.trash import PurgeDatasetInTime
from consumers.trash import Emptier
from infra.arrivals import Arrivals
from infra.blobs import Named, Received
from infra.config import SETTINGS_FILE
from infra.contents import DatasetContents
from infra.dispatch import Dispatch
from infra.host import Host
from infra.mlflow import Mlflow
from infra.objects import Objects
from infra.room import Room, Rooms
from infra.unit import Errand
from infra.uploads import Upload, Uploads
from tests.api.folders import Folder, filled, picture, push, scenes, send
from tests.api.visitor import Visitor
from tests.api.worker import Worker, evidence, requested, trained
from tests.api.yard import AT_ONCE, NAMES, Yard
from tests.serving import told


@pytest.fixture
def ada(client: TestClient) -> Visitor:
    """Of an organization without anything, also in the object store, where other tests have those of their founders."""
    return Visitor(client).register(company=f"Company {uuid4()}")


def deleted(visitor: Visitor, path: str) -> Any:
    answer = visitor("DELETE", path)
    assert answer.is_success, answer.text
    return visitor.get(path)


def purge(visitor: Visitor, path: str) -> None:
    visitor.post(f"{path}/purge", {"name": deleted(visitor, path)["name"]})


def hashes(folder: Folder) -> set[str]:
    return {sha256(data).hexdigest() for data in folder.values()}


def assert_whole(visitor: Visitor, dataset: str, folder: Folder) -> None:
    """Every image can be looked at, and the report and the split are there."""
    images = visitor.get(f"/datasets/{dataset}/images")["items"]
    assert {each["sha256"] for each in images} <= hashes(folder)
    assert len(images) == sum(path.startswith("images/") for path in folder)
    for each in images:
        assert sha256(httpx2.get(each["url"], trust_env=False).content).hexdigest() == each["sha256"]
    assert visitor.get(f"/datasets/{dataset}/report")["classes"]
    assert visitor.get(f"/datasets/{dataset}/split")["sides"]


def test_a_dataset_is_deleted_listed_and_restored(ada: Visitor) -> None:
    dataset = filled(ada)
    gone = deleted(ada, f"/datasets/{dataset}")
    assert gone["purge_at"] > gone["updated_at"]
    assert ada.get("/datasets")["items"] == []
    assert [each["id"] for each in ada.get("/datasets?deleted=true")["items"]] == [dataset]
    for path in ("/uploads", "/split", "/snapshot"):
        answer = ada("POST", f"/datasets/{dataset}{path}", {"tag": "v1"} if path == "/snapshot" else {})
        assert (answer.status_code, "undelete" in answer.text) == (409, True)
    ada.post(f"/datasets/{dataset}/undelete")
    assert [each["id"] for each in ada.get("/datasets")["items"]] == [dataset]
    assert_whole(ada, dataset, scenes())


def test_nothing_is_left_of_a_dataset_but_its_history(ada: Visitor, yard: Yard) -> None:
    dataset = filled(ada)
    assert yard.room(ada).stored > 0
    deleted(ada, f"/datasets/{dataset}")
    yard.empty()
    assert_whole(ada, dataset, scenes())
    ada.post(f"/datasets/{dataset}/purge", {"name": "Digits"})
    yard.free()
    assert yard.room(ada) == Room(0, 0)
    yard.trash.sweep()  # within the hour nothing goes
    assert hashes(scenes()) <= yard.objects(ada)
    assert yard.sweep() >= len(hashes(scenes()))
    assert yard.objects(ada) == set()
    assert ada.get(f"/datasets/{dataset}")["purged_at"]
    assert ada.get("/datasets")["items"] == ada.get("/datasets?deleted=true")["items"] == []
    for path in ("images", "report", "split"):
        answer = ada("GET", f"/datasets/{dataset}/{path}")
        assert (answer.status_code, "was purged" in answer.text) == (409, True), path
    assert any(each["action"] == "purge" for each in ada.get("/audit/organization")["items"])


def test_another_name_purges_nothing(ada: Visitor) -> None:
    dataset = filled(ada)
    deleted(ada, f"/datasets/{dataset}")
    answer = ada("POST", f"/datasets/{dataset}/purge", {"name": "digits"})
    assert (answer.status_code, "exactly" in answer.text) == (409, True)
    assert ada.get(f"/datasets/{dataset}")["purged_at"] is None


def test_what_another_dataset_names_stays(ada: Visitor, yard: Yard) -> None:
    """Some images, and whole pages with their splits, are in both."""
    one, same, more = filled(ada), filled(ada), scenes(train=9)
    push(ada, same, more)
    alone = filled(ada, {**scenes(), "images/train/x.png": picture(200), "labels/train/x.txt": b"0 0.5 0.5 0.1 0.1\n"})
    for dataset in (one, alone):
        purge(ada, f"/datasets/{dataset}")
    assert yard.empty() > 0
    assert_whole(ada, same, more)
    assert sha256(picture(200)).hexdigest() not in yard.objects(ada)
    stored = yard.room(ada).stored
    push(ada, filled(ada), more)
    assert yard.room(ada).stored - stored < 2_000, "at most a page and a report are new"


def test_what_another_organization_has_is_its_own(ada: Visitor, client: TestClient, yard: Yard) -> None:
    other = Visitor(client).register(company=f"Company {uuid4()}")
    theirs, mine = filled(other), filled(ada)
    before = yard.room(other), yard.objects(other)
    purge(ada, f"/datasets/{mine}")
    yard.empty()
    assert (yard.room(other), yard.objects(other)) == before
    assert_whole(other, theirs, scenes())


def test_what_an_upload_under_way_names_stays(ada: Visitor, yard: Yard) -> None:
    """Known to be there, so nothing was sent: then the only dataset that had it is purged, before the commit."""
    first, second = filled(ada), ada.post("/datasets", {"name": "second"})["id"]
    upload = send(ada, second, scenes())
    purge(ada, f"/datasets/{first}")
    yard.empty()
    yard.empty()
    ada.post(f"{upload}/commit", {})
    assert_whole(ada, second, scenes())


def test_what_is_named_once_it_is_on_its_way_out_stays(ada: Visitor, yard: Yard) -> None:
    """Between the moment from which nobody is told that it is there, and the one at which it goes."""
    first, second = filled(ada), ada.post("/datasets", {"name": "second"})["id"]
    purge(ada, f"/datasets/{first}")
    yard.free()
    upload = send(ada, second, scenes())
    yard.sweep()
    ada.post(f"{upload}/commit", {})
    yard.sweep()
    assert_whole(ada, second, scenes())


def test_what_was_told_to_be_there_before_is_named_after(ada: Visitor, yard: Yard) -> None:
    """The narrowest gap of all: somebody was told that all is there, and is about to name it in an upload."""
    first, second = filled(ada), ada.post("/datasets", {"name": "second"})["id"]
    organization, folder = UUID(ada.organization), scenes()
    known = yard.trash.blobs.known(organization, hashes(folder))
    assert known.keys() == hashes(folder)
    purge(ada, f"/datasets/{first}")
    yard.free()
    upload = ada.post(f"/datasets/{second}/uploads")["id"]
    rows = [(upload, path, sha256(data).digest(), len(data)) for path, data in folder.items()]
    with yard.core.pool.connection() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO content.upload_files (upload_id, path, sha256, size) VALUES (%s, %s, %s, %s)", rows
        )
    yard.sweep()
    ada.post(f"/datasets/{second}/uploads/{upload}/commit", {})
    assert_whole(ada, second, folder)


def test_what_is_gone_is_asked_for_again(ada: Visitor, yard: Yard) -> None:
    purge(ada, f"/datasets/{filled(ada)}")
    yard.empty()
    assert_whole(ada, filled(ada), scenes())


def test_a_commit_that_was_made_ready_before_holds(ada: Visitor, yard: Yard) -> None:
    first, second = filled(ada), ada.post("/datasets", {"name": "second"})["id"]
    upload = send(ada, second, scenes())
    contents = contents_of(yard)
    contents.make_ready(contents.uploads.get(UUID(upload.rpartition("/")[2]), UUID(ada.organization), UUID(second)))
    purge(ada, f"/datasets/{first}")
    yard.empty()
    ada.post(f"{upload}/commit", {})
    assert_whole(ada, second, scenes())


def test_pages_that_go_while_a_commit_is_made_ready_are_written_again(
    ada: Visitor, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes longer than the hour of grace: pages that it was told are there have gone when it ends."""
    first, second = filled(ada), ada.post("/datasets", {"name": "second"})["id"]
    upload = send(ada, second, scenes())
    purge(ada, f"/datasets/{first}")
    contents, prepared, times = contents_of(yard), DatasetContents._prepared, []

    def slowly(self: DatasetContents, upload: Upload, advance: Any) -> Any:
        made = prepared(self, upload, advance)
        times.append(made)
        if len(times) == 1:
            assert yard.empty() > 0
        return made

    monkeypatch.setattr(DatasetContents, "_prepared", slowly)
    contents.make_ready(contents.uploads.get(UUID(upload.rpartition("/")[2]), UUID(ada.organization), UUID(second)))
    assert times[0] == times[1]
    ada.post(f"{upload}/commit", {})
    assert_whole(ada, second, scenes())


def contents_of(yard: Yard) -> DatasetContents:
    blobs = yard.trash.blobs
    return DatasetContents(yard.core.pool, blobs, Uploads(yard.core.pool), Arrivals(blobs))


def test_whoever_looked_before_something_went_looks_again(ada: Visitor, yard: Yard) -> None:
    purge(ada, f"/datasets/{filled(ada)}")
    yard.free()
    blobs, organization = yard.trash.blobs, UUID(ada.organization)
    one = next(iter(hashes(scenes())))
    looks: list[int | None] = []

    def look() -> Iterable[Received]:
        looks.append(blobs.objects.size(organization, one))
        if len(looks) == 1:
            yard.sweep()
        return [Received(one, size) for size in looks[-1:] if size is not None]

    assert blobs.looked(organization, look) == []
    assert looks[0]
    assert looks[1:] == [None]
    assert blobs.known(organization, [one]) == {}


def test_what_is_promised_on_its_way_out_stays_away_from_the_sweep(ada: Visitor, yard: Yard) -> None:
    purge(ada, f"/datasets/{filled(ada)}")
    yard.free()
    blobs, organization, data = yard.trash.blobs, UUID(ada.organization), scenes()["images/train/0.png"]
    named = Named(sha256(data).hexdigest(), len(data))
    Rooms(yard.core.pool, blobs).promise(organization, [named], lambda *_: None)
    yard.sweep()
    assert yard.objects(ada) == {named.sha256}
    assert yard.room(ada) == Room(0, len(data))


def test_a_store_that_fails_in_the_middle_is_asked_again(
    ada: Visitor, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge(ada, f"/datasets/{filled(ada)}")
    yard.free()
    delete = Objects.delete

    def half(self: Objects, organization_id: UUID, sha256s: Iterable[str]) -> None:
        named = sorted(sha256s)
        delete(self, organization_id, named[: len(named) // 2])
        raise GenericError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(Objects, "delete", half)
        with pytest.raises(GenericError):
            yard.sweep()
    left = yard.objects(ada)
    assert 0 < len(left) < len(scenes()) + 4
    dataset = filled(ada)
    yard.sweep()
    assert_whole(ada, dataset, scenes())
    purge(ada, f"/datasets/{dataset}")
    yard.empty()
    assert yard.objects(ada) == set()


KILLED: Final = """
import os, signal
from contextlib import closing
from datetime import UTC, datetime, timedelta
from infra.blobs import Blobs
from infra.config import SETTINGS_FILE, Settings
from infra.objects import Objects
from infra.reading import Reading
from infra.trash import Trash
from infra.wiring import Core

def half(self, organization_id, sha256s, delete=Objects.delete):
    named = sorted(sha256s)
    delete(self, organization_id, named[: len(named) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

settings = Settings()
with Core.open(settings) as core, closing(Reading(settings.need("database_url"))) as reading:
    trash = Trash.of(core, reading, Blobs(core.pool, Objects.open(settings)), timedelta(0))
    Objects.delete = half
    trash.sweep()
"""


def test_a_process_that_is_killed_in_the_middle_goes_on_later(ada: Visitor, yard: Yard, tmp_path: Path) -> None:
    """And whoever sends the same meanwhile keeps it."""
    dataset = filled(ada)
    yard.empty()
    purge(ada, f"/datasets/{dataset}")
    yard.free()
    there = yard.objects(ada)
    environment = os.environ | {SETTINGS_FILE: str(told(yard.settings, tmp_path))}
    killed = subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert 0 < len(yard.objects(ada)) < len(there)
    dataset = filled(ada)
    yard.sweep()
    assert_whole(ada, dataset, scenes())
    purge(ada, f"/datasets/{dataset}")
    yard.empty()
    assert yard.objects(ada) == set()


def test_a_dataset_that_a_training_needs_stays_until_that_is_over(ada: Visitor, worker: Worker) -> None:
    dataset = filled(ada)
    job = requested(ada, dataset)
    deleted(ada, f"/datasets/{dataset}")
    attempt = worker.claim(job["id"])
    assert attempt.get(f"{attempt.path}/entries")["items"]
    for path, name in ((f"/datasets/{dataset}", "Digits"), (f"/projects/{job['project_id']}", "Reading")):
        ada("DELETE", path)
        answer = ada("POST", f"{path}/purge", {"name": name})
        assert (answer.status_code, "1 training that is not over" in answer.text) == (409, True)
    attempt.start()
    attempt.complete()
    ada.post(f"/datasets/{dataset}/purge", {"name": "Digits"})
    assert ada.get(f"/training-jobs/{job['id']}")["snapshot"]["root"]
    lineage = ada.get(f"/models/{ada.get('/models')['items'][0]['id']}/lineage")
    assert lineage["dataset"]["purged_at"]
    assert lineage["job"]["snapshot"]["root"] == lineage["dataset"]["root"]
    assert ada("POST", f"/training-jobs/{job['id']}/run-again").status_code == 409


def test_nothing_is_left_of_a_project_but_its_history(ada: Visitor, worker: Worker, yard: Yard) -> None:
    dataset = filled(ada)
    before = yard.objects(ada)
    job = trained(ada, worker, dataset)
    mine = {sha256(data).hexdigest() for data in (b"the model", b'{"format":1}')}
    assert mine <= yard.objects(ada) - before
    purge(ada, f"/projects/{job['project_id']}")
    yard.empty()
    assert yard.objects(ada) == before
    for path in ("/projects", "/projects?deleted=true", "/models", "/training-jobs", "/experiments"):
        assert ada.get(path)["items"] == [], path
    model = ada.get(f"/models/{job['model']}")
    assert (model["url"], model["result_url"], model["picture_url"]) == (None, None, None)
    for path in (
        f"/models/{job['model']}",
        f"/training-jobs/{job['id']}",
        f"/experiments/{job['experiment_id']}",
        f"/projects/{job['project_id']}",
    ):
        assert ada.get(path)["purged_at"], path
    assert ada.get(f"/models/{job['model']}/lineage")["project"]["purged_at"]
    answer = ada("POST", f"/training-jobs/{job['id']}/run-again")
    assert (answer.status_code, "was purged" in answer.text) == (409, True)
    again = ada("POST", "/training-jobs", again_from(ada, dataset, job["model"]))
    assert again.status_code == 404
    assert_whole(ada, dataset, scenes())


def again_from(visitor: Visitor, dataset: str, model: str) -> dict[str, Any]:
    assert visitor.get(f"/models/{model}")
    project = visitor.post("/projects", {"name": "another"})["id"]
    wish = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"}
    return wish | {"weights": {"model_id": model}}


def test_a_model_that_another_project_begins_from_stays(ada: Visitor, worker: Worker, yard: Yard) -> None:
    dataset = filled(ada)
    job = trained(ada, worker, dataset)
    begun = ada.post("/training-jobs", again_from(ada, dataset, job["model"]))
    purge(ada, f"/projects/{job['project_id']}")
    yard.empty()
    weights = sha256(b"the model").hexdigest()
    assert weights in yard.objects(ada)
    claimed = worker.claim(begun["id"]).job["weights"]
    assert claimed["sha256"] == weights
    assert httpx2.get(claimed["url"], trust_env=False).content == b"the model"


@dataclass(frozen=True)
class House:
    """The emptier as the consumers run it, over a real MLflow."""

    yard: Yard
    host: Host
    url: str

    def once(self, now: datetime) -> None:
        self.yard.trash.reading.wait_until(NAMES, self.yard.core.store.head().position, 20)
        asyncio.run(self._once(now))
        self.yard.trash.reading.wait_until(NAMES, self.yard.core.store.head().position, 20)

    async def _once(self, now: datetime) -> None:
        mlflow = Mlflow(self.url)
        try:
            await Emptier(self.host, replace(self.yard.trash, grace=AT_ONCE), mlflow).once(now)
        finally:
            await mlflow.close()


@pytest.fixture
def house(yard: Yard, mlflow_url: str) -> Iterator[House]:
    with Host.of(yard.core) as host:
        yield House(yard, host, mlflow_url)


def test_the_platform_purges_what_has_lain_there_for_a_month(ada: Visitor, worker: Worker, house: House) -> None:
    """What a training needs that runs is left alone until that is over; one that waits is over with the month."""
    needed, free = filled(ada), filled(ada)
    project = ada.post("/projects", {"name": "Digits"})["id"]
    job, waits = requested(ada, needed), requested(ada, free)
    attempt = worker.claim(job["id"])
    attempt.start()
    things = [f"/datasets/{needed}", f"/datasets/{free}", f"/projects/{project}", f"/projects/{job['project_id']}"]
    for path in things:
        deleted(ada, path)
    now = datetime.now(UTC)
    house.once(now + timedelta(days=29))
    assert ada.get(f"/training-jobs/{waits['id']}")["status"] == "queued"
    assert not any(ada.get(path)["purged_at"] for path in things)
    house.once(now + timedelta(days=30, minutes=1))
    assert [bool(ada.get(path)["purged_at"]) for path in things] == [False, True, True, False]
    over = ada.get(f"/training-jobs/{waits['id']}")
    assert (over["status"], over["reason"]) == ("cancelled", "target_purged")
    (told,) = ada.get(f"/audit/entity/training_job/{waits['id']}?action=cancel")["items"]
    assert (told["actor_kind"], "(target_purged)" in told["sentence"]) == ("system", True)
    ada.post(f"/training-jobs/{job['id']}/cancel")
    attempt.report("fail", evidence())
    house.once(now + timedelta(days=30, minutes=1))
    assert all(ada.get(path)["purged_at"] for path in things)
    told = ada.get("/audit/organization")["items"]
    assert {each["actor_kind"] for each in told if each["action"] == "purge"} == {"system"}
    house.once(now + timedelta(days=30, minutes=2))
    assert house.yard.objects(ada) == set()
    assert house.yard.room(ada) == Room(0, 0)


def retried() -> float:
    return REGISTRY.get_sample_value("vistory_retries_total", {"consumer": "trash"}) or 0.0


def test_what_cannot_be_purged_holds_up_nothing_else(
    ada: Visitor, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, *others = (filled(ada) for _ in range(3))
    for dataset in (broken, *others):
        deleted(ada, f"/datasets/{dataset}")

    sound = Dispatch.__call__

    def stumbles(dispatch: Dispatch, command: Command, errand: Errand) -> Accepted:
        if isinstance(command, PurgeDatasetInTime) and command.dataset_id == UUID(broken):
            raise RuntimeError("a fault of this one alone")
        return sound(dispatch, command, errand)

    a_month_later = datetime.now(UTC) + timedelta(days=30, minutes=1)
    with monkeypatch.context() as patched:
        patched.setattr(Dispatch, "__call__", stumbles)
        before = retried()
        house.once(a_month_later)
    assert retried() == before + 1
    assert f"dataset {broken} waits to be purged: RuntimeError at " in caplog.text
    assert [bool(ada.get(f"/datasets/{each}")["purged_at"]) for each in (broken, *others)] == [False, True, True]
    house.once(a_month_later)
    assert ada.get(f"/datasets/{broken}")["purged_at"]


def test_what_mlflow_has_of_a_project_goes_with_it(ada: Visitor, house: House) -> None:
    project = ada.post("/projects", {"name": "Digits"})["id"]
    experiment = ada.post("/experiments", {"project_id": project, "name": "first"})["id"]
    kept = asyncio.run(named_in_mlflow(house.url, f"kept {experiment}"))
    gone = asyncio.run(named_in_mlflow(house.url, f"gone {experiment}"))
    house.host.give(LinkMlflowExperiment(experiment_id=UUID(experiment), mlflow_experiment_id=gone))
    purge(ada, f"/projects/{project}")
    house.once(datetime.now(UTC))
    assert [stage(house.url, each) for each in (kept, gone)] == ["active", "deleted"]
    with house.yard.core.pool.connection() as connection:
        connection.execute("DELETE FROM content.purges WHERE id = %s", (project,))
    house.once(datetime.now(UTC))
    assert stage(house.url, gone) == "deleted"
    assert not [each for each in house.yard.trash.waiting() if str(each.id) == project]


async def named_in_mlflow(url: str, name: str) -> str:
    mlflow = Mlflow(url)
    try:
        return await mlflow.experiment(name, {})
    finally:
        await mlflow.close()


def stage(url: str, experiment: str) -> str:
    asked = f"{url}/api/2.0/mlflow/experiments/get?experiment_id={experiment}"
    return str(httpx2.get(asked, trust_env=False).json()["experiment"]["lifecycle_stage"])
