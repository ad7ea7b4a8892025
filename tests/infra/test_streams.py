import asyncio
from uuid import UUID

from nats.js import JetStreamContext

from infra import leases, streams
from infra.bus import connect
from infra.leases import Key
from infra.ledger import Head
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
