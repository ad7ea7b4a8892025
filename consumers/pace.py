"""The pace of what looks for work again and again: there is one loop, and a rest in it."""

import asyncio
from collections.abc import Awaitable, Callable


async def regularly(look: Callable[[], Awaitable[object]], every: float) -> None:
    """Until cancelled."""
    while True:
        await look()
        await asyncio.sleep(every)


async def until_none_is_left(look: Callable[[], Awaitable[int]], load: int, every: float) -> None:
    """As `regularly`, and without a rest where a whole load got done: then more is waiting.

    A look says how many it got done, not how many it found: what cannot be done yet is found at once again, as where
    two clocks differ about whether its time is over.
    """
    while True:
        if await look() < load:
            await asyncio.sleep(every)
