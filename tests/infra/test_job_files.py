import asyncio
import json
from pathlib import Path
from uuid import UUID

import httpx

from infra.blob_cache import BlobCache
from infra.job_files import Preparation, Prepared
from infra.leases import Key
from infra.worker_api import AttemptApi, WorkerApi
from tests.consumers.front_desk import IMAGE, FrontDesk, digest, opened

KEY, WORKER = Key(UUID(int=1), 1), UUID(int=2)


def prepared(desk: FrontDesk, folder: Path) -> Prepared:
    async def story() -> Prepared:
        async with opened(desk), httpx.AsyncClient() as blobs:
            api = WorkerApi(desk.url, "a credential")
            claim = await api.claim(KEY, WORKER, "a worker")
            attempt = AttemptApi(api, KEY, claim["token"], lambda: api.claim(KEY, WORKER, "a worker"))
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
    desk = FrontDesk(resume={"epoch": 3, "sha256": digest(b"saved"), "size": 5})
    desk.objects[digest(b"saved")] = b"saved"
    ready = prepared(desk, tmp_path)
    assert desk.given == [digest(b"saved"), digest(IMAGE)]
    assert ready.resumed_from == desk.resume


def test_an_address_that_expired_is_asked_for_anew(tmp_path: Path) -> None:
    desk = FrontDesk(resume={"epoch": 3, "sha256": digest(b"saved"), "size": 5}, good_from=2)
    desk.objects[digest(b"saved")] = b"saved"
    assert prepared(desk, tmp_path).resumed_from == desk.resume
    assert desk.claims == 2
