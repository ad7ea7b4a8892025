"""Runs one process of the platform, as its settings say; it ends cleanly on SIGTERM."""

from importlib import import_module
from typing import Annotated, Any

import typer

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
    from infra.config import Settings

    import_module(MAINS[process]).main(Settings(), *more)


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
    """React to events: MLflow, the archive of telemetry, lost workers."""
    enter("consumers")


@app.command()
def api() -> None:
    """Serve HTTP and live sockets."""
    enter("api")


@app.command()
def trainer(framework: Annotated[str, typer.Argument(help="timm, ultralytics, ...")]) -> None:
    """Train what is requested of one framework."""
    enter("trainer", framework)
