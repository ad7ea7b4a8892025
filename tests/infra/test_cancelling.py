"""What is cancelled ends, also where an answer comes at the same moment."""

import asyncio

import pytest

from infra import cancelling
from infra.cancelling import cancel_and_wait


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "AGAIN_AFTER", 0.1)


def test_a_task_ends_also_when_what_it_waits_for_comes_with_the_cancellation() -> None:
    """Forced as before Python 3.12: what was waited for is there, so the cancellation is not seen."""

    async def run() -> None:
        answers: asyncio.Queue[int] = asyncio.Queue()

        async def work() -> None:
            while True:
                await asyncio.wait_for(answers.get(), 60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answers.put_nowait(1)
        await asyncio.sleep(0)
        await asyncio.wait_for(cancel_and_wait(task), 5)
        assert task.cancelled()

    asyncio.run(run())


def test_a_task_that_will_not_hear_it_once_hears_it_again() -> None:
    async def run() -> int:
        asked = 0

        async def work() -> None:
            nonlocal asked
            while asked < 3:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    asked += 1

        tasks = asyncio.create_task(work()), asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        await cancel_and_wait(*tasks)
        return asked

    assert asyncio.run(run()) == 3


def test_what_a_task_broke_down_by_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async def work() -> None:
            raise KeyError("ann@example.org")

        task = asyncio.create_task(work())
        await asyncio.wait({task})
        await cancel_and_wait(task)

    asyncio.run(run())
    assert "had broken down: KeyError" in caplog.text


def test_nothing_to_end_ends_at_once() -> None:
    asyncio.run(cancel_and_wait())
