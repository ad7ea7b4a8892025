"""Runs one process of the platform, as its settings say; it ends cleanly on SIGTERM."""

import gc
from importlib import import_module
from typing import Annotated, Any

import typer

from cli.exits import Exit, Stop

app = typer.Typer(help="Run one process of the platform.", no_args_is_help=True)
# By name: what runs and what starts it are siblings, and neither may import the other.
MAINS = {
    "relay": "consumers.relay",
    "projector": "consumers.projector",
    "consumers": "consumers.app",
    "api": "api",
    "trainer": "consumers.training",
}


def enter(process: str, *more: Any) -> None:
    """Raises Stop where a database that it needs is away at its start: whoever keeps it alive starts it again."""
    from infra.config import Settings
    from infra.reach import out_of_reach

    try:
        # 200,000 objects that stay: each full collection would look at all of them, and stop the process for 0.1 s.
        gc.disable()
        main = import_module(MAINS[process]).main
        gc.freeze()
        gc.enable()
        main(Settings(), *more)
    except Exception as error:
        if not out_of_reach(error):
            raise
        raise Stop(f"{process} cannot reach its database: {_first_line(error)}", Exit.UNREACHABLE) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@app.command()
def relay() -> None:
    """Bring what the ledger records to the bus, in order, once."""
    enter("relay")


@app.command()
def projector() -> None:
    """Keep the read models current."""
    enter("projector")


@app.command()
def consumers() -> None:
    """React to events: MLflow, letters, subscribers, the archive of telemetry, lost workers, what is due to go."""
    enter("consumers")


@app.command()
def api() -> None:
    """Serve HTTP and live sockets."""
    enter("api")


@app.command()
def trainer(framework: Annotated[str, typer.Argument(help="timm, ultralytics, ...")]) -> None:
    """Train what is requested of one framework."""
    enter("trainer", framework)
