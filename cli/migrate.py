"""Brings databases, streams and rights to today's shape; done again it changes nothing."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from cli.local import NewData
from cli.output import Json, show

if TYPE_CHECKING:
    from infra.config import Settings
    from infra.embedded import Stack
    from infra.ledger import Head

app = typer.Typer()


@app.command()
def migrate(data: NewData = None, as_json: Json = False) -> None:
    """Make roles, tables, streams and users on the servers that VISTORY_*_URL name, or on those of the data folder."""
    from infra.embedded import Stack, default_folder

    with Stack(data or default_folder()) as stack:
        stack.start_servers(mlflow=False)
        head = prepare(stack)
        at: dict[str, Any] = {"ledger": head.ledger, "generation": head.generation, "position": head.position}
    show(at, as_json, lambda: f"ledger {head.ledger} is ready, at position {head.position}")


def prepare(stack: "Stack") -> "Head":
    """Databases first, then the bus, which is told of which ledger it carries the events."""
    from uuid_utils.compat import uuid7

    from infra.migrate import migrate as migrate_ledger
    from infra.migrate import migrate_keys
    from infra.provision import APP, KEYS

    settings = stack.settings_for("migrate")
    migrate_ledger(settings.need("database_url"), APP, uuid7())  # a ledger that is there keeps its own id
    migrate_keys(settings.need("keys_database_url"), KEYS)
    head = head_of(settings)
    asyncio.run(declare(settings, head, tuple(stack.told.frameworks)))
    return head


def head_of(settings: "Settings") -> "Head":
    from infra.event_store import EventStore

    store = EventStore(settings.need("database_url"), pool_size=1)
    try:
        return store.head()
    finally:
        store.close()


async def declare(settings: "Settings", head: "Head", frameworks: tuple[str, ...]) -> None:
    from infra import bus, durables, streams

    trainers = durables.for_trainers(settings.need("database_url"), frameworks)
    connection = await bus.connect(settings.need("nats_url"))
    try:
        await streams.declare(bus.jetstream(connection), head, trainers, settings.nats_replicas)
    finally:
        await connection.close()
