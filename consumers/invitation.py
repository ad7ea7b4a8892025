"""Notes in the history that an invitation's time is over, and destroys the keys of all that are."""

import asyncio
from typing import Final

from commands.invitation import ExpireInvitation
from consumers.acting import Platform
from consumers.pace import until_none_is_left
from infra.erased import destroy_keys_of_invitations, forget_invitations
from infra.invitation import AT_ONCE, Invitations
from infra.wiring import Core

EVERY: Final = 10.0


async def keep_invitations(platform: Platform, core: Core) -> None:
    """Until cancelled."""

    async def look() -> int:
        expired = await expire_due(platform, core.accounts().invitations)
        await asyncio.to_thread(forget_invitations, core)
        return expired

    await asyncio.to_thread(destroy_keys_of_invitations, core)
    await until_none_is_left(look, AT_ONCE, EVERY)


async def expire_due(platform: Platform, invitations: Invitations) -> int:
    """Once: how many it was noted of. By our clock one may be good yet, and somebody may just have ended one."""
    due = await asyncio.to_thread(invitations.expired)
    return sum([await platform.acts(ExpireInvitation(invitation_id=id), id, "expire") for id in due])
