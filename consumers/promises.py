"""Sees to promises of room whose time is over: their bytes have come, or they bind nobody any more."""

import asyncio
from functools import partial
from typing import Final

from consumers.pace import until_none_is_left
from infra.room import SETTLED_AT_ONCE, Rooms

EVERY: Final = 60.0


async def settle_promises(rooms: Rooms) -> None:
    """Until cancelled."""
    await until_none_is_left(partial(asyncio.to_thread, rooms.settle), SETTLED_AT_ONCE, EVERY)
