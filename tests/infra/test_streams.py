import asyncio
from uuid import UUID

import pytest
from nats.js import JetStreamContext

from infra import leases, streams
from infra.bus import connect
from infra.embedded.nats import Nats
from infra.leases import Key
from infra.ledger import Head
from infra.streams import BusHasNoRoom
from tests.servers import Servers

HEAD, KEY = Head(UUID(int=1), 1, 0, b""), Key(UUID(int=1), 1)
DAY = 24 * 3600.0


async def ages(js: JetStreamContext) -> float | None:
    return (await js.stream_info(f"KV_{streams.LEASES}")).config.max_age


def test_leases_and_what_was_left_of_them_are_forgotten_after_a_day(servers: Servers) -> None:
    async def story() -> None:
        with servers.fresh_nats() as bus:
            admin = await connect(bus.url("admin"))
            js = admin.jetstream()
            await streams.declare(js, HEAD, [])
            assert await ages(js) == DAY
            config = (await js.stream_info(f"KV_{streams.LEASES}")).config
            await js.update_stream(config.evolve(max_age=0))
            await leases.renew(js, "timm", KEY, UUID(int=2))
            await streams.declare(js, HEAD, [])
            assert await ages(js) == DAY, "as one that was made before"
            assert await leases.revision(js, "timm", KEY) == 1
            await admin.close()

    asyncio.run(story())


def declared(bus: Nats) -> dict[str, int | None]:
    """How much each stream may hold, in MiB, after a start on this server."""

    async def story() -> dict[str, int | None]:
        admin = await connect(bus.url("admin"))
        try:
            await streams.declare(admin.jetstream(), HEAD, [])
            await streams.declare(admin.jetstream(), HEAD, [])
            held = {info.config.name: info.config.max_bytes or 0 for info in await admin.jetstream().streams_info()}
            return {name or "": size // 2**20 for name, size in held.items()}
        finally:
            await admin.close()

    return asyncio.run(story())


def test_telemetry_may_hold_what_there_is_room_for(servers: Servers) -> None:
    with servers.fresh_nats(room="400MB") as small, servers.fresh_nats(room="2GB") as large:
        assert declared(small)["TELEMETRY"] == 256
        assert declared(large)["TELEMETRY"] == 1024


def test_a_disk_without_room_for_the_streams_is_refused_in_words(servers: Servers) -> None:
    with (
        servers.fresh_nats(room="100MB") as tiny,
        pytest.raises(BusHasNoRoom, match=r"64 MiB for stream TELEMETRY.*larger disk"),
    ):
        declared(tiny)
