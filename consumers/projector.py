"""The process that keeps the read models up to date."""

import asyncio
import logging
import sys

from consumers.stopping import until_stopped
from infra.bus import connect
from infra.config import Settings
from infra.projector import Projector
from infra.reading import engine_for
from infra.rebuild import rebuild
from infra.tables import furnish
from infra.wiring import Core
from projections import PROJECTIONS

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Until SIGTERM."""
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stdout, format="%(levelname)s %(message)s")
    asyncio.run(until_stopped(project(settings)))


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
