"""Goes through the history again from its first event, trusting nobody."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.local import Data, settings_of, unreachable
from cli.output import Json, show

app = typer.Typer(help="Verify the history from its first event.", no_args_is_help=True)
File = Annotated[Path | None, typer.Option("--file", help="Verify this dump instead of the database.", exists=True)]
Receipts = Annotated[
    list[str] | None, typer.Argument(help="Receipts that you kept, as position:chain; they must be in the history.")
]


@app.callback()
def replay() -> None:
    """Verify the history from its first event."""


@app.command()
def verify(receipts: Receipts = None, file: File = None, data: Data = None, as_json: Json = False) -> None:
    """Recompute every link of the chain; ends with status 4 at the first position that does not hold."""
    found = verified(settings_of(data).need("database_url"), receipts or [], file)
    show(found, as_json, lambda: words(found))


def verified(database_url: str, receipts: list[str], file: Path | None = None) -> dict[str, Any]:
    import psycopg

    from cli.verify import Broken, dumped, receipt, stored
    from cli.verify import verify as recompute

    try:
        kept = dict(map(receipt, receipts))
    except ValueError as error:
        raise Stop("a receipt is written position:chain, as an answer's headers give it", Exit.USAGE) from error
    try:
        with dumped(file) if file else stored(database_url) as history:
            found = recompute(history, kept)
    except Broken as broken:
        raise Stop(f"history does not hold: {broken}", Exit.NOT_VERIFIED) from broken
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    return {"ledger": str(found.ledger), "events": found.events, "aggregates": len(found.aggregates)} | {
        "receipts": found.receipts,
        "chain": found.chain.hex(),
    }


def words(found: dict[str, Any]) -> str:
    return f"{found['events']:,} events of {found['aggregates']:,} things verified; the chain ends in {found['chain']}"
