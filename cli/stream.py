"""The stream on the bus, beside the ledger that it is made from."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.local import Data, reaching, settings_of, unreachable
from cli.output import Json, show

if TYPE_CHECKING:
    from infra.config import Settings
    from infra.ledger import Head
    from infra.stream_compare import Comparison

NewGeneration = Annotated[
    bool,
    typer.Option("--new-generation", help="After a restore from a backup: the same positions may hold other events."),
]
app = typer.Typer(help="Compare the stream on the bus with the ledger, or rebuild it.", no_args_is_help=True)


@app.command()
def compare(data: Data = None, as_json: Json = False) -> None:
    """Position by position: subject, headers, bytes and chain; ends with status 4 where they differ."""
    found = facts(compared(settings_of(data)))
    show(found, as_json, lambda: words(found))
    if not found["equal"]:
        raise Stop("the stream is not what the ledger says", Exit.NOT_VERIFIED)


@app.command()
def rebuild(data: Data = None, new_generation: NewGeneration = False, as_json: Json = False) -> None:
    """Throw the stream away and make a new one; the relay then fills it from the ledger, same numbers, same bytes."""
    head = rebuilt(settings_of(data, "migrate"), new_generation)
    made = {"position": head.position, "generation": head.generation}
    show(made, as_json, lambda: f"the stream is new; the relay brings {head.position:,} events")


def compared(settings: "Settings") -> "Comparison":
    with reaching(settings):
        return asyncio.run(_compare(settings))


def rebuilt(settings: "Settings", new_generation: bool = False) -> "Head":
    with reaching(settings):
        return asyncio.run(_rebuild(settings, new_generation))


def facts(found: "Comparison") -> dict[str, Any]:
    differences = [{"position": each.position, "what": each.what} for each in found.differences]
    counted = {"store": found.store, "stream": found.stream, "compared": found.compared}
    return counted | {"equal": found.equal, "differences": differences}


def words(found: dict[str, Any]) -> str:
    lines = [f"position {each['position']}: {each['what']}" for each in found["differences"][:20]]
    return "\n".join(
        [*lines, f"{found['compared']:,} positions compared; store {found['store']}, stream {found['stream']}"]
    )


async def _compare(settings: "Settings") -> "Comparison":
    from infra import bus, stream_compare
    from infra.event_store import EventStore

    store = EventStore(settings.need("database_url"), pool_size=1)
    connection = await _connected(bus.connect(settings.need("nats_url")))
    try:
        return await stream_compare.compare(store, bus.jetstream(connection))
    finally:
        await connection.close()
        store.close()


async def _rebuild(settings: "Settings", new_generation: bool) -> "Head":
    from cli.migrate import head_of
    from infra import bus, durables
    from infra.embedded import FRAMEWORKS
    from infra.stream_rebuild import begin_generation, rebuild_stream

    head = begin_generation(settings.need("database_url")) if new_generation else head_of(settings)
    connection = await _connected(bus.connect(settings.need("nats_url")))
    try:
        trainers = durables.for_trainers(settings.need("database_url"), FRAMEWORKS)
        await rebuild_stream(bus.jetstream(connection), head, trainers, settings.nats_replicas)
    finally:
        await connection.close()
    return head


async def _connected(attempt: Any) -> Any:
    """The bus is waited for by whoever lives long; a command does not."""
    try:
        return await asyncio.wait_for(attempt, 10)
    except (OSError, TimeoutError) as error:
        raise unreachable(error) from error
