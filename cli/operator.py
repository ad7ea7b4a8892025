"""Operators of the platform, named by whoever keeps this machine: they see organizations and their use, no content."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local import Data, answered, given, settings_of
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(help="Who sees all organizations and their use, and changes their quotas.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(help="E-mail address or id.")]


@app.command()
def add(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Make somebody an operator; it holds at once."""
    from commands.operator import AppointOperator

    made = given(settings_of(data), person, AppointOperator)
    show(made, as_json, lambda: f"{person} is an operator of this platform now")


@app.command()
def remove(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Let somebody be an operator no more; it holds at once."""
    from commands.operator import DismissOperator

    made = given(settings_of(data), person, DismissOperator)
    show(made, as_json, lambda: f"{person} is no operator any more")


@app.command("list")
def list_operators(data: Data = None, as_json: Json = False) -> None:
    """Whoever is one."""
    found = operators(settings_of(data))
    show(found, as_json, lambda: table(("person", "called", "e-mail"), (tuple(row.values()) for row in found)))


def operators(settings: "Settings") -> list[dict[str, Any]]:
    from contextlib import closing

    from infra.reading import Reading
    from projections.person import list_operators

    with answered(), closing(Reading(settings.need("database_url"), pool_size=1)) as reading:
        return reading.ask(list_operators, [])
