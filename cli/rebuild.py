"""Builds the read models anew from the ledger, beside the live ones."""

from typing import Annotated, Any

import typer

from cli.local import Data, settings_of
from cli.output import Json

app = typer.Typer()


@app.command()
def rebuild(data: Data = None, as_json: Json = False) -> None:
    """Build every read model anew beside the live one, and compare."""
