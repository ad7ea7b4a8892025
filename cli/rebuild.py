"""Rebuilds the read models from the ledger, beside the live ones."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.local import Data, reaching, settings_of
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.comparison import Compared
    from infra.config import Settings
    from infra.rebuild import Rebuilt

app = typer.Typer()
Names = Annotated[list[str] | None, typer.Argument(help="Read models; all of them, if left out.", metavar="[NAME]...")]
Check = Annotated[bool, typer.Option("--check", help="Only compare what is built with the live one; change nothing.")]


@app.command()
def rebuild(names: Names = None, check: Check = False, data: Data = None, as_json: Json = False) -> None:
    """Rebuild read models and put them in place of the live ones, which serve meanwhile; or only compare."""
    settings = settings_of(data)
    if not check:
        built = made(settings, names or [])
        return show(asdict(built), as_json, lambda: f"{built.rows:,} rows made of {built.events:,} events")
    found = facts(compared(settings, names or []))
    show(found, as_json, lambda: words(found))
    return must_be_equal(found)


def made(settings: "Settings", names: list[str]) -> "Rebuilt":
    from infra import rebuild as work
    from infra.wiring import Core

    try:
        with reaching(settings), Core.open(settings) as core:
            return work.rebuild(core, names)
    except work.UnknownReadModel as unknown:
        raise Stop(str(unknown), Exit.USAGE) from unknown


def compared(settings: "Settings", names: list[str]) -> "Compared":
    from infra.comparison import compare_rebuild
    from infra.rebuild import UnknownReadModel
    from infra.wiring import Core

    try:
        with reaching(settings), Core.open(settings) as core:
            return compare_rebuild(core, names)
    except UnknownReadModel as unknown:
        raise Stop(str(unknown), Exit.USAGE) from unknown


def facts(found: "Compared") -> dict[str, Any]:
    differences = [{"table": each.table, "key": list(map(str, each.key))} for each in found.differences]
    return {"positions": found.positions, "rows": found.rows, "differences": differences}


def words(found: dict[str, Any]) -> str:
    wrong = [each["table"] for each in found["differences"]]
    lines = (
        (name, rows, f"{wrong.count(name)} differ" if name in wrong else "equal")
        for name, rows in found["rows"].items()
    )
    return table(("table", "rows", ""), lines)


def must_be_equal(found: dict[str, Any]) -> None:
    if found["differences"]:
        raise Stop("a read model is not what the ledger says; `vistory rebuild` makes it so", Exit.NOT_VERIFIED)
