import asyncio
from collections.abc import Callable

import psycopg

from infra.listening import listening
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
