"""Ends tasks for certain, for whoever waits for that."""

import asyncio
import logging
from typing import Any, Final

from infra.redaction import in_short

# Longer than what ends takes to clean up, and psycopg to call a query off.
AGAIN_AFTER: Final = 6.0
log = logging.getLogger(__name__)


async def cancel_and_wait(*tasks: "asyncio.Task[Any]") -> None:
    """Until all are over, however they end; what one raises is logged.

    Once is not enough: before Python 3.12 `asyncio.wait_for` forgets that it was cancelled where what it waits for
    comes at the same moment (python/cpython#86296), and clients of ours wait by it for every answer.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        over, left = await asyncio.wait(left, timeout=AGAIN_AFTER)
        for task in over:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a task that was ended had broken down: %s", in_short(error))
