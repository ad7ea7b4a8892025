"""Sees to promises of room whose time is over: their bytes have come, or they bind nobody any more."""

import asyncio
from typing import Final

from infra.room import SETTLED_AT_ONCE, Rooms

EVERY: Final = 60.0


async def settle_promises(rooms: Rooms) -> None:
    """Until cancelled; without a pause where more are waiting."""
    while True:
        if await asyncio.to_thread(rooms.settle) < SETTLED_AT_ONCE:
            await asyncio.sleep(EVERY)
