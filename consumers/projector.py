"""The process that keeps the read models up to date."""

import asyncio
import logging

from consumers.stopping import until_stopped
from infra import logs, metrics, outside
from infra.bus import connect
from infra.config import Settings
from infra.projector import Projector
from infra.reading import PROJECTION, engine_for
from infra.rebuild import rebuild
from infra.standing import Standings
from infra.tables import furnish
from infra.wiring import Core
from projections import PROJECTIONS

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Until SIGTERM."""
    outside.begin("projector", settings)
    asyncio.run(until_stopped(project(settings)))


async def project(settings: Settings) -> None:
    """Make what tables are missing, then follow the stream until cancelled."""
    # A power cut may cost rows and checkpoint together, never one without the other; the stream has them again.
    unhurried = "-c synchronous_commit=off"
    standings = Standings(settings.need("database_url"), lambda name: name.startswith(PROJECTION))
    metrics.serve(settings.metrics_port, "projector", standings)
    engine = engine_for(settings.need("database_url"), pool_size=2, pre_ping=False, options=unhurried)
    with Core.open(settings) as core:
        if stale := furnish(engine, PROJECTIONS):
            log.info("rebuilt: %s", await asyncio.to_thread(rebuild, core, stale))
        client = await connect(settings.need("nats_url"))
        projector = Projector.of(core.store, core.mapper, engine, PROJECTIONS)
        logs.say_ready()
        try:
            await projector.run(client)
        finally:
            await client.close()
            engine.dispose()
            log.info("projected: %s", projector.counters)
