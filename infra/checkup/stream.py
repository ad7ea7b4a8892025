"""What the bus says: its version, whether its stream is of this ledger, and how far that is."""

import asyncio
from collections.abc import Iterator
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from infra.bus import jetstream
from infra.checkup.finding import Finding, well, wrong
from infra.checkup.ledger import RESTORED, connected, reached
from infra.checkup.place import Place
from infra.ledger import Head
from infra.nats_users import connect_options
from infra.streams import EVENTS, foreign

WITHIN: Final = 4.0
REBUILD: Final = "`vistory stream rebuild` makes it anew from the ledger"


def bus(place: Place) -> Iterator[Finding]:
    if "nats_url" not in place.cli:
        return
    try:
        version, found = asyncio.run(asyncio.wait_for(_asked(place.cli["nats_url"]), WITHIN))
    except (OSError, TimeoutError, nats.errors.Error) as error:
        yield place.silent("NATS", type(error).__name__, "nats")
        return
    yield well("NATS", "it answers", version)
    if found is None:
        yield wrong("stream", f"there is no stream {EVENTS}", f"`vistory migrate` declares it; {REBUILD}")
    elif reached(place):
        yield _compared(place, found)


async def _asked(url: str) -> tuple[str, StreamInfo | None]:
    client = Client()
    try:
        await client.connect(
            **connect_options(url),
            allow_reconnect=False,
            connect_timeout=3,
            error_cb=_nothing,
        )
        version = client.connected_server_version
        named = f"{version.major}.{version.minor}.{version.patch}"
        try:
            return named, await jetstream(client).stream_info(EVENTS)
        except NotFoundError:
            return named, None
    finally:
        await client.close()


async def _nothing(error: Exception) -> None:
    """What is wrong is raised, and told as a finding."""


def _compared(place: Place, found: StreamInfo) -> Finding:
    head, last = head_of(place), found.state.last_seq
    if (why := foreign(found.config.metadata or {}, head)) is not None:
        return wrong("stream", why, REBUILD)
    if last > head.position:
        return wrong("stream", f"it is at {last}, the ledger at {head.position}", RESTORED)
    if found.state.messages != last:
        return wrong("stream", f"{last - found.state.messages} of its {last} events are missing", REBUILD)
    return well("stream", f"it is at {last:,}, of this ledger and generation", lag=f"{head.position - last} events")


def head_of(place: Place) -> Head:
    with connected(place) as connection:
        row = connection.execute("SELECT ledger, generation, position, chain FROM ledger.head").fetchone()
    assert row, "`vistory migrate` gives the ledger its head"
    return Head(row[0], row[1], row[2], bytes(row[3]))
