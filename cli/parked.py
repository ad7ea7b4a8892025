"""What no consumer could digest: set aside with its reason, so that nothing else had to wait."""

from typing import Any

import typer

from cli.local import Data, settings_of, unreachable
from cli.output import Json, show, table

app = typer.Typer(help="Messages that no consumer could digest.", no_args_is_help=True)
COLUMNS = ("position", "consumer", "subject", "reason", "attempts", "parked_at", "redriven_at")


@app.callback()
def parked() -> None:
    """Messages that no consumer could digest."""


@app.command("list")
def list_parked(data: Data = None, as_json: Json = False) -> None:
    """Everything that is set aside, the newest first."""
    rows = read(settings_of(data).need("database_url"))
    text = [[row[name] for name in COLUMNS[:5]] for row in rows]
    show(rows, as_json, lambda: table(COLUMNS[:5], text) if rows else "nothing is parked")


def read(database_url: str) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            names = ", ".join(COLUMNS)
            return connection.execute(f"SELECT {names} FROM work.parked ORDER BY parked_at DESC").fetchall()
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
