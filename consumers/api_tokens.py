"""Notes in the history that an API token's time is over; refused it was from that moment on."""

import asyncio
from contextlib import suppress
from typing import Final

from commands.api_token import ExpireToken
from consumers.acting import Platform
from domain.errors import Refused
from infra.api_tokens import ApiTokens

EVERY: Final = 30.0
AT_ONCE: Final = 100


async def expire_tokens(platform: Platform, tokens: ApiTokens) -> None:
    """Until cancelled; without a pause where more are waiting."""
    while True:
        if await expire_due(platform, tokens) < AT_ONCE:
            await asyncio.sleep(EVERY)


async def expire_due(platform: Platform, tokens: ApiTokens) -> int:
    """Once: how many there were."""
    due = await asyncio.to_thread(tokens.expired, AT_ONCE)
    for token_id in due:
        with suppress(Refused):  # by another clock it is good for a moment yet
            await platform.act(ExpireToken(token_id=token_id), token_id, "expire")
    return len(due)
