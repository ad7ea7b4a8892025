"""How a task of ours is ended for certain."""

import asyncio
from typing import Any, Final

AGAIN_AFTER: Final = 0.5


async def cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """Until all are over, however they end.

    Once is not enough: before Python 3.12 `asyncio.wait_for` forgets that it was cancelled where what it waits for
    comes at the same moment (python/cpython#86296), and clients of ours wait by it for every answer.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_AFTER)
