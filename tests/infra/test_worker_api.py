import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from infra import worker_api
from infra.leases import Key
from infra.worker_api import AttemptApi, Away, Produced, Turned, WorkerApi
from tests.consumers.front_desk import FrontDesk, digest, opened

KEY = Key(UUID(int=1), 1)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_api, "PAUSES", (0.0, 0.0))


def upload(desk: FrontDesk, folder: Path) -> None:
    async def story() -> None:
        async with opened(desk):
            api = WorkerApi(desk.url, "a credential")
            try:
                await AttemptApi(api, KEY, "a token", None).upload(produced(folder))
            finally:
                await api.close()

    asyncio.run(story())


def produced(folder: Path) -> Produced:
    (folder / "model").write_bytes(b"weights")
    return Produced(folder / "model", digest(b"weights"), 7)


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_store_that_says_no_for_good_is_not_asked_for_ever(tmp_path: Path, status: int) -> None:
    with pytest.raises(Turned, match=str(status)):
        upload(FrontDesk(put_answers=[status]), tmp_path)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_store_that_cannot_answer_now_is_away(tmp_path: Path, status: int) -> None:
    with pytest.raises(Away, match=str(status)):
        upload(FrontDesk(put_answers=[status]), tmp_path)


def test_an_address_that_the_store_does_not_take_is_asked_for_anew(tmp_path: Path) -> None:
    desk = FrontDesk(put_answers=[403, 403])
    upload(desk, tmp_path)
    assert desk.objects[digest(b"weights")] == b"weights"


def test_a_store_that_takes_no_address_says_no_for_good(tmp_path: Path) -> None:
    with pytest.raises(Turned, match="403"):
        upload(FrontDesk(put_answers=[403, 403, 403]), tmp_path)
