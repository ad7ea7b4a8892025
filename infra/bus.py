"""A connection to the bus as one of its users, which comes back by itself for as long as the process lives."""

import logging

import nats
from nats.aio.client import Client

from infra.nats_users import connect_options

log = logging.getLogger(__name__)


async def connect(url: str) -> Client:
    """Waits until the bus is there."""
    return await nats.connect(
        **connect_options(url),  # type: ignore[arg-type]
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        error_cb=_tell,
    )


async def _tell(error: Exception) -> None:
    log.warning("bus: %r", error)
