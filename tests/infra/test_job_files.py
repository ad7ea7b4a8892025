import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from infra.blob_cache import BlobCache
from infra.job_files import Preparation, Prepared, Withheld
from infra.leases import Key
from infra.worker_api import AttemptApi, WorkerApi
from tests.consumers.front_desk import IMAGE, FrontDesk, digest, opened

KEY, WORKER = Key(UUID(int=1), 1), UUID(int=2)
SAVED = {"epoch": 3, "sha256": digest(b"saved"), "size": 5}


def prepared(desk: FrontDesk, folder: Path) -> Prepared:
    async def story() -> Prepared:
        async with opened(desk), httpx.AsyncClient() as blobs:
            api = WorkerApi(desk.url, "a credential")
            claim = await api.claim(KEY, WORKER, "a worker", gpus=0)
            attempt = AttemptApi(api, KEY, claim["token"], lambda: api.claim(KEY, WORKER, "a worker", gpus=0))
            try:
                return await Preparation(claim, folder / "work", BlobCache(folder / "blobs", blobs), attempt).prepare(1)
            finally:
                await api.close()

    return asyncio.run(story())


def test_an_image_that_stands_on_a_page_more_than_once_is_fetched_once(tmp_path: Path) -> None:
    desk = FrontDesk(copies=20)
    ready = prepared(desk, tmp_path)
    lines = Path(json.loads(ready.job_file.read_text())["entries"]).read_text().splitlines()
    assert len(lines) == 40
    assert ready.blobs == {digest(IMAGE)}
    assert desk.given == [digest(IMAGE)]


def test_two_who_fetch_one_file_at_once_do_not_take_it_from_each_other(tmp_path: Path) -> None:
    async def fetched() -> None:
        async with opened(FrontDesk()) as desk, httpx.AsyncClient() as client:
            cache, url = BlobCache(tmp_path, client), f"{desk.url}/blobs/{digest(IMAGE)}"
            paths = await asyncio.gather(*(cache.fetch(digest(IMAGE), url) for _ in range(4)))
            assert {path.read_bytes() for path in paths} == {IMAGE}

    asyncio.run(fetched())
    assert [file.name for file in tmp_path.iterdir()] == [digest(IMAGE)]


def test_what_a_training_starts_from_comes_before_its_images_since_its_address_expires(tmp_path: Path) -> None:
    desk = FrontDesk(resume=(SAVED,))
    desk.objects[digest(b"saved")] = b"saved"
    ready = prepared(desk, tmp_path)
    assert desk.given == [digest(b"saved"), digest(IMAGE)]
    assert ready.resumed_from == SAVED


def test_an_address_that_expired_is_asked_for_anew(tmp_path: Path) -> None:
    desk = FrontDesk(resume=(SAVED,), good_from=2)
    desk.objects[digest(b"saved")] = b"saved"
    assert prepared(desk, tmp_path).resumed_from == SAVED
    assert desk.claims == 2


def saved(epoch: int) -> dict[str, Any]:
    data = b"epoch %d" % epoch
    return {"epoch": epoch, "sha256": digest(data), "size": len(data)}


def test_the_last_checkpoint_that_verifies_is_gone_on_from(tmp_path: Path) -> None:
    damaged, gone, good, older = (saved(epoch) for epoch in (4, 3, 2, 1))
    desk = FrontDesk(resume=(damaged, gone, good, older))
    desk.objects |= {damaged["sha256"]: b"other bytes", good["sha256"]: b"epoch 2", older["sha256"]: b"epoch 1"}
    ready = prepared(desk, tmp_path)
    resume = json.loads(ready.job_file.read_text())["resume"]
    assert (ready.resumed_from, resume["epoch"]) == (good, 2)
    assert Path(resume["path"]).read_bytes() == b"epoch 2"
    assert ready.notes == (
        "the checkpoint of epoch 4 was not loaded: its bytes do not have the hash that it is named by",
        "the checkpoint of epoch 3 was not loaded: it is not in the object store",
    )
    assert older["sha256"] not in desk.given


def test_a_training_of_whose_checkpoints_none_verifies_begins_again(tmp_path: Path) -> None:
    ready = prepared(FrontDesk(resume=(saved(2), saved(1))), tmp_path)
    assert (ready.resumed_from, json.loads(ready.job_file.read_text())["resume"]) == (None, None)
    assert len(ready.notes) == 2


def test_a_checkpoint_that_a_store_in_good_health_does_not_give_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.job_files.PAUSE", 0.01)
    desk = FrontDesk(resume=(saved(2), saved(1)), withheld=frozenset({saved(2)["sha256"]}))
    desk.objects[saved(1)["sha256"]] = b"epoch 1"
    ready = prepared(desk, tmp_path)
    assert ready.resumed_from == saved(1)
    assert ready.notes == ("the checkpoint of epoch 2 was not loaded: the object store does not give it (500)",)


def test_a_store_that_gives_no_checkpoint_at_all_costs_no_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.job_files.PAUSE", 0.01)
    with pytest.raises(Withheld) as told:
        prepared(FrontDesk(resume=(saved(1),), withheld=frozenset({saved(1)["sha256"]})), tmp_path)
    assert "http" not in str(told.value)
