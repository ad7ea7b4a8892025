"""What no consumer could digest: set aside with its reason, so that nothing else had to wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli.exits import Exit, Stop
from cli.local import Data, reaching, settings_of
from cli.named import begins
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.config import Settings
    from infra.parked import Parked

app = typer.Typer(help="Messages that no consumer could digest.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
COLUMNS = ("id", "position", "consumer", "subject", "reason", "attempts", "parked_at", "redriven_at")


@app.callback()
def parked() -> None:
    """Messages that no consumer could digest."""


@app.command("list")
def list_parked(data: Data = None, as_json: Json = False) -> None:
    """Everything that is set aside, the newest first."""
    rows = read(settings_of(data))
    text = [[row[name] for name in COLUMNS[:6]] for row in rows]
    show(rows, as_json, lambda: table(COLUMNS[:6], text) if rows else "nothing is parked")


@app.command()
def redrive(parked_id: Id, data: Data = None, as_json: Json = False) -> None:
    """Have one of them tried again by the consumer that set it aside."""
    settings = settings_of(data)
    found = [row["id"] for row in read(settings) if begins(str(row["id"]), parked_id)]
    if len(found) > 1:
        raise Stop(f"{parked_id!r} may be each of {len(found)}; give more of the id", Exit.REFUSED)
    if not found or not asked_again(settings, found[0]):
        raise Stop(f"nothing is parked under {parked_id}", Exit.REFUSED)
    show({"redriven": str(found[0])}, as_json, lambda: "its consumer tries it again within seconds")


def asked_again(settings: "Settings", parked_id: UUID) -> bool:
    with rows(settings) as parked:
        return parked.redrive(parked_id)


def read(settings: "Settings") -> list[dict[str, Any]]:
    with rows(settings) as parked:
        return [{name: row[name] for name in COLUMNS} for row in parked.listed()]


@contextmanager
def rows(settings: "Settings") -> Iterator["Parked"]:
    from infra.parked import Parked
    from infra.pool import pool

    with reaching(settings), pool(settings.need("database_url")) as connections:
        yield Parked(connections)
