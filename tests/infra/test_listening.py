import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import waiting

from infra.listening import LOOKS_UP_EVERY, listening
from tests.servers import Databases


def test_a_channel_is_followed_until_its_end_and_anew_after_every_loss(
    fresh_database: Callable[[], Databases],
) -> None:
    url = fresh_database().app_url

    async def story() -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        lines: asyncio.Queue[int] = asyncio.Queue()
        lost: asyncio.Queue[int] = asyncio.Queue()

        async def follow(connection: psycopg.AsyncConnection) -> None:
            line = connection.info.backend_pid
            lines.put_nowait(line)
            try:
                async for notice in connection.notifies():
                    heard.put_nowait(notice.payload)
            finally:
                lost.put_nowait(line)

        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
            async with listening(url, "a channel", follow):
                first = await lines.get()
                await other.execute("""NOTIFY "a channel", 'before'""")
                assert await heard.get() == "before"
                await other.execute("SELECT pg_terminate_backend(%s)", [first])
                assert await lost.get() == first
                second = await lines.get()
                await other.execute("""NOTIFY "a channel", 'after'""")
                assert await heard.get() == "after"
            assert lost.get_nowait() == second
            await other.execute("""NOTIFY "a channel", 'too late'""")
        assert heard.empty()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_whoever_listens_does_not_look_up_again_and_again(
    fresh_database: Callable[[], Databases], monkeypatch: pytest.MonkeyPatch
) -> None:
    intervals: asyncio.Queue[float] = asyncio.Queue()
    wait = waiting.wait_async

    async def noted(gen: Any, fileno: int, interval: float = 0.0, timeout: Any = None) -> Any:  # noqa: ASYNC109
        intervals.put_nowait(interval)
        return await wait(gen, fileno, interval, timeout)

    async def follow(connection: psycopg.AsyncConnection) -> None:
        monkeypatch.setattr(waiting, "wait_async", noted)
        async for _ in connection.notifies():
            pass

    async def story() -> float:
        async with listening(fresh_database().app_url, "a channel", follow):
            return await intervals.get()

    assert asyncio.run(asyncio.wait_for(story(), 30)) == LOOKS_UP_EVERY
