"""Erases whoever asked to be and whose time has come; whose key was brought back since, loses it again."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from consumers.pace import regularly
from domain.errors import Refused
from infra.erased import destroy_keys, destroy_keys_of_dropped, erase, forget_letters
from infra.host import Host
from infra.personal_objects import PersonalObjects
from projections.person import erasures_due

EVERY: Final = 10.0
SWEPT_EVERY: Final = 60.0
KEPT: Final = timedelta(days=1)
log = logging.getLogger(__name__)


async def keep_erased(host: Host) -> None:
    """Until cancelled."""
    await asyncio.to_thread(destroy_keys_of_dropped, host.core)
    await regularly(lambda: asyncio.to_thread(erase_due, host, datetime.now(UTC)), EVERY)


async def sweep_exports(objects: PersonalObjects) -> None:
    """Until cancelled: what was exported is kept for a day."""
    await regularly(lambda: asyncio.to_thread(objects.sweep, datetime.now(UTC) - KEPT), SWEPT_EVERY)


def erase_due(host: Host, now: datetime) -> None:
    """Once. Who became the only admin somewhere since is asked again, and stays meanwhile."""
    due: list[UUID] = host.reading.ask(partial(erasures_due, now=now), [])
    for person_id in due:
        try:
            erase(host.core, host.dispatch, person_id)
        except Refused as refusal:
            log.warning("person %s waits to be erased: %s", person_id, refusal)
    forget_letters(host.core)
    for person_id in destroy_keys(host.core):
        log.warning("person %s was erased, and had a key again; it is destroyed", person_id)
