"""A process's link to the bus, which may be away: nothing that asks for it waits."""

import asyncio
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.js import JetStreamContext

from infra.bus import connect, jetstream
from infra.cancelling import cancel_and_wait


@dataclass
class BusLink:
    url: str
    _client: Client | None = None
    _connecting: "asyncio.Task[None] | None" = field(default=None)

    def stream(self) -> JetStreamContext | None:
        """None while the bus is away."""
        return jetstream(self._client, timeout=2.0) if self._client is not None and self._client.is_connected else None

    def open(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def close(self) -> None:
        if self._connecting is not None:
            await cancel_and_wait(self._connecting)
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> None:
        self._client = await connect(self.url)
