"""An attempt that goes on after another, on the real API, ledger and object store."""

import asyncio
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from obstore.store import S3Store

from infra.blob_cache import BlobCache
from infra.config import Settings
from infra.job_files import Preparation, Prepared
from infra.leases import Key
from infra.objects import Objects, blob
from infra.worker_api import AttemptApi, WorkerApi
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Attempt, Worker, evidence, requested


@pytest.fixture(scope="module")
def dataset(ann: Visitor, worker: Worker) -> str:
    return filled(ann)


def saved(job: str, epoch: int) -> bytes:
    return f"job {job} after epoch {epoch}".encode()


def lost(ann: Visitor, worker: Worker, dataset: str, epochs: int) -> str:
    """A job whose first attempt was given up after so many epochs, each with a checkpoint."""
    job: str = requested(ann, dataset)["id"]
    first = worker.claim(job)
    first.start()
    for n in range(1, epochs + 1):
        first.epoch(n, n / 10)
        first.checkpoint(n, saved(job, n))
    first.report("hand-over", evidence("worker_lost", "it was killed"))
    return job


def prepared(client: TestClient, attempt: Attempt, folder: Path) -> Prepared:
    async def story() -> Prepared:
        async with httpx.AsyncClient() as blobs, httpx.AsyncClient(transport=httpx.ASGITransport(client.app)) as http:
            key = Key(UUID(attempt.job["id"]), attempt.job["attempt"])
            api = AttemptApi(WorkerApi("http://platform", "", http), key, attempt.token or "", None)
            cache = BlobCache(folder / "blobs", blobs)
            return await Preparation({"job": attempt.job}, folder / "work", cache, api).prepare(1)

    return asyncio.run(story())


def object_of(settings: Settings, ann: Visitor, data: bytes) -> tuple[S3Store, str]:
    """The bucket, and the key of these bytes in it."""
    return Objects.open(settings)._store, blob(UUID(ann.organization), sha256(data).hexdigest())


def test_damaged_and_missing_checkpoints_are_passed_over_and_no_epoch_counts_twice(
    ann: Visitor, worker: Worker, dataset: str, client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    job = lost(ann, worker, dataset, 3)
    store, newest = object_of(settings, ann, saved(job, 3))
    store.put(newest, b"other bytes")
    store.delete(object_of(settings, ann, saved(job, 2))[1])

    second = worker.claim(job, 2)
    assert [each["epoch"] for each in second.job["resume"]] == [3, 2, 1]
    ready = prepared(client, second, tmp_path)
    assert ready.resumed_from is not None
    assert ready.resumed_from["epoch"] == 1
    assert (tmp_path / "blobs" / ready.resumed_from["sha256"]).read_bytes() == saved(job, 1)
    assert [note.partition(" was")[0] for note in ready.notes] == [
        "the checkpoint of epoch 3",
        "the checkpoint of epoch 2",
    ]

    began = {"device": "cpu", "environment": {}, "parameters": {}, "resumed_from": dict(ready.resumed_from)}
    second.report("start", began)
    assert curve(ann, job, second) == [(1, 1, 0.1)]
    second.epoch(2, 0.7)
    assert curve(ann, job, second) == [(1, 1, 0.1), (2, 2, 0.7)]
    shown = ann.get(f"/training-jobs/{job}")
    assert (shown["epoch"], shown["attempts"][1]["resumed_from"]["epoch"]) == (2, 1)
    second.checkpoint(2, saved(job, 22))
    second.report("hand-over", evidence("worker_lost", "it was killed"))
    assert [each["sha256"] for each in worker.claim(job, 3).job["resume"]] == [
        sha256(saved(job, n)).hexdigest() for n in (22, 3, 2, 1)
    ]


def curve(ann: Visitor, job: str, attempt: Attempt) -> list[tuple[int, int, float]]:
    ann.seen = attempt.seen
    shown = ann.get(f"/training-jobs/{job}")
    epochs = ann.get(f"/experiments/{shown['experiment_id']}/runs/{job}/metrics")["epochs"]
    return [(each["epoch"], each["attempt"], each["metrics"]["val/loss"]) for each in epochs]


def test_without_any_checkpoint_that_verifies_the_curve_begins_again(
    ann: Visitor, worker: Worker, dataset: str, client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    job = lost(ann, worker, dataset, 1)
    store, key = object_of(settings, ann, saved(job, 1))
    store.delete(key)
    second = worker.claim(job, 2)
    assert prepared(client, second, tmp_path).resumed_from is None
    second.start()
    assert curve(ann, job, second) == []
