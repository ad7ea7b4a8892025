"""How much a request may say, by whom, and how slowly: what is said is held in memory until it is whole."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import ExitStack
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from api.limits import Seats
from infra.allowance import TooManyRequests

LONGEST: Final = 8 * 2**20
LONGEST_OF_A_STRANGER: Final = 64 * 2**10
# In bytes a second: the longest body takes 34 minutes then. Whoever is slower holds it back on purpose.
SLOWEST: Final = 4 * 2**10
GRACE: Final = 20.0
# What is left of the request would only be thrown away.
_HANG_UP: Final = {"Connection": "close"}


class GuardedBody:
    """What comes of it, watched: `who` says in whose name a long one is sent, or raises 401."""

    def __init__(
        self, receive: Receive, declared: str, who: Callable[[], Awaitable[Hashable]], seats: Seats, held: ExitStack
    ) -> None:
        self._receive = receive
        self._declared = int(declared) if declared.isdigit() else 0
        self._who, self._seats, self._held = who, seats, held
        self._came = 0
        self._is_long = self._is_whole = False
        self._begun: float | None = None

    async def __call__(self) -> Message:
        """Raises HTTPException: 401, 408, 413 or 429."""
        if self._is_whole:
            return await self._receive()
        await self._allow(self._declared)
        message = await self._in_time()
        self._came += len(message.get("body", b""))
        await self._allow(self._came)
        self._is_whole = not message.get("more_body", False)
        return message

    async def _allow(self, length: int) -> None:
        if length > LONGEST:
            raise HTTPException(413, f"a request may be {LONGEST} bytes long at most", _HANG_UP)
        if length > LONGEST_OF_A_STRANGER and not self._is_long:
            self._is_long = True
            try:
                self._held.enter_context(self._seats.one(await self._who()))
            except TooManyRequests as error:
                said = "too many long requests at once; send one after the other"
                raise HTTPException(429, said, error.headers | _HANG_UP) from error

    async def _in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._begun = self._begun or now
        try:
            async with asyncio.timeout_at(self._begun + GRACE + self._came / SLOWEST):
                return await self._receive()
        except TimeoutError as error:
            said = f"the request came too slowly: {self._came} bytes in {GRACE + self._came / SLOWEST:.0f} s"
            raise HTTPException(408, said, _HANG_UP) from error
