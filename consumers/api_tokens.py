"""Notes in the history that an API token's time is over; refused it was from that moment on."""

import asyncio
from functools import partial
from typing import Final

from commands.api_token import ExpireToken
from consumers.acting import Platform
from consumers.pace import until_none_is_left
from infra.api_tokens import ApiTokens

EVERY: Final = 30.0
AT_ONCE: Final = 100


async def expire_tokens(platform: Platform, tokens: ApiTokens) -> None:
    """Until cancelled."""
    await until_none_is_left(partial(expire_due, platform, tokens), AT_ONCE, EVERY)


async def expire_due(platform: Platform, tokens: ApiTokens) -> int:
    """Once: how many it was noted of. By our clock one may be good yet whose time is over by the database's."""
    due = await asyncio.to_thread(tokens.expired, AT_ONCE)
    return sum([await platform.acts(ExpireToken(token_id=id), id, "expire") for id in due])
