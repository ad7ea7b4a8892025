"""Keeps heads of the ledger outside of it, so that whoever edits the database cannot edit what bears witness to it."""

import asyncio
import time
from datetime import UTC, datetime

from infra.heads import EVERY, Heads
from infra.ledger import Ledger


async def keep_heads(ledger: Ledger, place: Heads) -> None:
    """Now, and at the beginning of every stretch of time, until cancelled."""
    while True:
        await asyncio.to_thread(_keep, ledger, place)
        await asyncio.sleep(EVERY.total_seconds() - time.time() % EVERY.total_seconds())


def _keep(ledger: Ledger, place: Heads) -> None:
    place.keep(ledger.head(), datetime.now(UTC))
