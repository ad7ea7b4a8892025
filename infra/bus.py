"""A connection to the bus as one of its users, which comes back by itself for as long as the process lives."""

import logging
from functools import partial

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from infra import logs
from infra.nats_users import DOOR, connect_options

log = logging.getLogger(__name__)


async def connect(url: str) -> Client:
    """Waits until the bus is there."""
    return await nats.connect(
        **connect_options(url),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        error_cb=partial(_tell, logs.Complaints(log)),
    )


def jetstream(client: Client, timeout: float = 5.0) -> JetStreamContext:
    """JetStream, where each of our users may reach it; it answers within `timeout` seconds."""
    return client.jetstream(prefix=DOOR, timeout=timeout)


async def _tell(complaints: logs.Complaints, error: Exception) -> None:
    complaints.hear(f"bus: {error!r}")
