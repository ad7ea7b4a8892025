"""A connection to the bus as one of its users, which comes back by itself for as long as the process lives."""

import logging
import time
from typing import Final

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from infra.nats_users import DOOR, connect_options

SAID_AGAIN_AFTER: Final = 60.0
log = logging.getLogger(__name__)


async def connect(url: str) -> Client:
    """Waits until the bus is there."""
    return await nats.connect(
        **connect_options(url),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        error_cb=Complaints().hear,
    )


def jetstream(client: Client, timeout: float = 5.0) -> JetStreamContext:
    """JetStream, where each of our users may reach it; it answers within `timeout` seconds."""
    return client.jetstream(prefix=DOOR, timeout=timeout)


class Complaints:
    """What the client says over and over while its server is away is written once a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    async def hear(self, error: Exception) -> None:
        words, now = repr(error), time.monotonic()
        self._said = {each: at for each, at in self._said.items() if now - at < SAID_AGAIN_AFTER}
        if words not in self._said:
            self._said[words] = now
            log.warning("bus: %s", words)
