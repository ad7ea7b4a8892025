"""A connection to the bus as one of its users, which comes back by itself for as long as the process lives."""

import logging
from functools import partial
from typing import Any

from nats.aio.client import Client, Srv
from nats.js import JetStreamContext

from infra import logs
from infra.nats_users import DOOR, connect_options
from infra.redaction import in_short

log = logging.getLogger(__name__)


class Lasting(Client):
    """nats-py forgets a socket whose server went away before it said hello: behind a balancer, one each attempt."""

    async def _connect_to_server(self, s: Srv) -> None:
        left: Any = self._transport
        if left:
            left.close()
        await super()._connect_to_server(s)


async def connect(url: str) -> Client:
    """Waits until the bus is there."""
    client, kept = Lasting(), dict[str, Any](max_reconnect_attempts=-1, reconnect_time_wait=0.2)
    await client.connect(**connect_options(url), **kept, error_cb=partial(_tell, logs.Complaints(log)))
    return client


def jetstream(client: Client, timeout: float = 5.0) -> JetStreamContext:
    """JetStream, where each of our users may reach it; it answers within `timeout` seconds."""
    return client.jetstream(prefix=DOOR, timeout=timeout)


async def _tell(complaints: logs.Complaints, error: Exception) -> None:
    complaints.hear(f"bus: {in_short(error)}")
