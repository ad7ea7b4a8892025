"""Notes in the history that an invitation's time is over, and destroys the keys of all that are."""

import asyncio
from contextlib import suppress
from typing import Final

from commands.invitation import ExpireInvitation
from consumers.acting import Platform
from domain.errors import Refused
from infra.erased import destroy_keys_of_invitations, forget_invitations
from infra.invitation import AT_ONCE, Invitations
from infra.wiring import Core

EVERY: Final = 10.0


async def keep_invitations(platform: Platform, core: Core) -> None:
    """Until cancelled; without a pause where more are waiting."""
    await asyncio.to_thread(destroy_keys_of_invitations, core)
    while True:
        expired = await expire_due(platform, core.accounts().invitations)
        await asyncio.to_thread(forget_invitations, core)
        if expired < AT_ONCE:
            await asyncio.sleep(EVERY)


async def expire_due(platform: Platform, invitations: Invitations) -> int:
    """Once: how many there were."""
    due = await asyncio.to_thread(invitations.expired)
    for invitation_id in due:
        with suppress(Refused):  # by another clock it is good for a moment yet, or somebody has just ended it
            await platform.act(ExpireInvitation(invitation_id=invitation_id), invitation_id, "expire")
    return len(due)
