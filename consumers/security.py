"""Notes in the history, once an hour, how often signing in to an account failed; from where, the security log says."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

from commands.session import NoteFailedSignIns
from consumers.acting import Platform
from consumers.pace import until_none_is_left
from domain.errors import NotFound, Refused
from infra.security import BY_MEANS, Failures, SecurityEventKind, SecurityLog

EVERY: Final = 60.0
AT_ONCE: Final = 100


async def note_failures(platform: Platform, security: SecurityLog) -> None:
    """Until cancelled."""
    await until_none_is_left(partial(note_due, platform, security), AT_ONCE, EVERY)


async def note_due(platform: Platform, security: SecurityLog) -> int:
    """Once: how many there were."""
    due = await asyncio.to_thread(security.due, AT_ONCE)
    for each in due:
        with suppress(NotFound, Refused):  # erased since
            await platform.act(_wish(each), each.person_id, f"{each.kind} {each.hour.isoformat()}")
        await asyncio.to_thread(security.told, each)
    return len(due)


def _wish(failures: Failures) -> NoteFailedSignIns:
    return NoteFailedSignIns(
        person_id=failures.person_id,
        means=BY_MEANS[SecurityEventKind(failures.kind)],
        failures=failures.failures,
        first_at=failures.first_at,
        last_at=failures.last_at,
    )
