"""The process that keeps the read models up to date."""

import asyncio
import logging
import signal
import sys

from infra.bus import connect
from infra.config import Settings
from infra.projector import Projector
from infra.reading import engine_for
from infra.rebuild import rebuild
from infra.tables import furnish
from infra.wiring import Core
from projections import PROJECTIONS

STOP_SECONDS = 3.0
log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Until SIGTERM."""
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stdout, format="%(levelname)s %(message)s")
    asyncio.run(_main(settings))


async def _main(settings: Settings) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    work = asyncio.create_task(project(settings))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        stopped.cancel()
        return work.result()
    work.cancel()
    await asyncio.wait({work}, timeout=STOP_SECONDS)


async def project(settings: Settings) -> None:
    """Make what tables are missing, then follow the stream until cancelled."""
    # A power cut may cost rows and checkpoint together, never one without the other; the stream has them again.
    unhurried = "-c synchronous_commit=off"
    engine = engine_for(settings.need("database_url"), pool_size=2, pre_ping=False, options=unhurried)
    with Core.open(settings) as core:
        if stale := furnish(engine, PROJECTIONS):
            log.info("rebuilt: %s", await asyncio.to_thread(rebuild, core, stale))
        client = await connect(settings.need("nats_url"))
        projector = Projector.of(core.store, core.mapper, engine, PROJECTIONS)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        try:
            await projector.run(client)
        finally:
            await client.close()
            engine.dispose()
            log.info("projected: %s", projector.counters)
