"""How a process of ours ends: when its work does, or soon after it is asked to."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final

STOP_SECONDS: Final = 3.0


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Until the work ends, raising what it raises, or SIGTERM or SIGINT cancel it."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    working = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopped.cancel()
        return working.result()
    working.cancel()
    await asyncio.wait({working}, timeout=STOP_SECONDS)
