"""How far the readers of telemetry are behind its stream, asked from the thread in which metrics are served."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from nats.aio.client import Client

from infra.bus import jetstream
from infra.standing import Behind

WITHIN: Final = 2.0


@dataclass(frozen=True)
class Backlog:
    client: Client
    loop: asyncio.AbstractEventLoop

    def __call__(self, stream: str, position: int) -> Behind | None:
        """None where the bus does not say so in time."""
        asked = asyncio.run_coroutine_threadsafe(self._behind(stream, position), self.loop)
        try:
            return asked.result(WITHIN)
        except Exception:
            asked.cancel()
            return None

    async def _behind(self, stream: str, position: int) -> Behind:
        js = jetstream(self.client)
        state = (await js.stream_info(stream)).state
        if state.last_seq <= position or not state.messages:
            return Behind(0, 0.0)
        first = await js.get_msg(stream, position + 1, direct=True, next=True)
        assert first.time is not None, "a message of a stream has its time"
        return Behind(state.last_seq - position, (datetime.now(UTC) - first.time).total_seconds())
