"""Settles expired reservations of storage: either the bytes have arrived, or the room is released."""

import asyncio
from functools import partial
from typing import Final

from consumers.pace import until_none_is_left
from infra.room import SETTLED_AT_ONCE, Rooms

EVERY: Final = 60.0


async def settle_promises(rooms: Rooms) -> None:
    """Until cancelled."""
    await until_none_is_left(partial(asyncio.to_thread, rooms.settle), SETTLED_AT_ONCE, EVERY)
