"""Makes stream EVENTS anew, with the credential of the bus's administrator; the relay then fills it from the store."""

from collections.abc import Iterable
from contextlib import suppress

import psycopg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.ledger import Head
from infra.streams import EVENTS, Durable, declare_durable, declare_events


async def rebuild_stream(js: JetStreamContext, head: Head, durables: Iterable[Durable], replicas: int = 1) -> None:
    """Delete the stream and, with it, its durables; make both again, each durable at its own start."""
    with suppress(NotFoundError):
        await js.delete_stream(EVENTS)
    await declare_events(js, head, replicas)
    for durable in durables:
        await declare_durable(js, durable)


def begin_generation(owner_url: str) -> Head:
    """After a restore from a backup the same positions may come again with other events: say so, then rebuild."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(
            "UPDATE ledger.head SET generation = generation + 1 RETURNING ledger, generation, position, chain"
        ).fetchone()
    assert row is not None, "`vistory migrate` gives the ledger its head"
    return Head(*row)
