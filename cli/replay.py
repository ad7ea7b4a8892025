"""Goes through the history again from its first event, trusting nobody."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli.exits import Exit, Stop
from cli.local import Data, answered, settings_of, unreachable
from cli.output import Json, show

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(help="Verify the history from its first event.", no_args_is_help=True)
File = Annotated[Path | None, typer.Option("--file", help="Verify this dump instead of the database.", exists=True)]
Receipts = Annotated[
    list[str] | None, typer.Argument(help="Receipts that you kept, as position:chain; they must be in the history.")
]


@app.callback()
def replay() -> None:
    """Verify the history from its first event."""


Folder = Annotated[
    Path | None,
    typer.Option(
        "--heads", help="A folder of heads that were kept outside the database.", exists=True, file_okay=False
    ),
]
Kept = Annotated[bool, typer.Option("--kept", help="Hold it against the heads in the places of this platform, too.")]


@app.command()
def verify(
    receipts: Receipts = None,
    file: File = None,
    heads: Folder = None,
    kept: Kept = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Recompute every link of the chain; ends with status 4 at the first position that does not hold."""
    found = verified(settings_of(data), receipts or [], file, heads, kept)
    show(found, as_json, lambda: words(found))


def verified(
    settings: "Settings", receipts: list[str], file: Path | None = None, heads: Path | None = None, kept: bool = False
) -> dict[str, Any]:
    import verifier

    try:
        owed = list(map(verifier.receipt, receipts))
    except ValueError as error:
        raise Stop("a receipt is written position:chain, the chain in 64 hexadecimal digits", Exit.USAGE) from error
    try:
        with answered(), verifier.dumped(file) if file else verifier.stored(settings.need("database_url")) as history:
            witness = verifier.heads(heads, history.ledger) if heads else []
            witness += _kept(settings, history.ledger) if kept else []
            found = verifier.verify(history, [*owed, *witness])
    except verifier.Broken as broken:
        raise Stop(f"history does not hold: {broken}", Exit.NOT_VERIFIED) from broken
    except verifier.Unreadable as unreadable:
        raise Stop(str(unreadable), Exit.USAGE) from unreadable
    return {"ledger": str(found.ledger), "events": found.events, "aggregates": len(found.aggregates)} | {
        "receipts": found.receipts,
        "chain": found.chain.hex(),
        "kept_heads": len(witness),
        "kept_to": max((position for position, _ in witness), default=None),
    }


def _kept(settings: "Settings", ledger: UUID) -> list[tuple[int, str]]:
    from obstore.exceptions import BaseError

    from infra.heads import places

    try:
        found: list[tuple[int, str]] = [receipt for place in places(settings) for receipt in place.receipts(ledger)]
    except BaseError as error:
        raise unreachable(error) from error
    if not found:
        raise Stop(f"no head of the ledger {ledger} is kept outside of the database", Exit.NOT_VERIFIED)
    return found


def words(found: dict[str, Any]) -> str:
    said = f"{found['events']:,} events of {found['aggregates']:,} things verified; the chain ends in {found['chain']}"
    if not found["kept_heads"]:
        return said
    place = f"position {found['kept_to']:,}: up to there nothing was changed or taken back since"
    if found["kept_heads"] == 1:
        return f"{said}\n1 head that was kept outside of the database says the same, at {place} it was kept"
    many = f"{found['kept_heads']:,} heads that were kept outside of the database say the same"
    return f"{said}\n{many}, the last at {place} they were kept"
